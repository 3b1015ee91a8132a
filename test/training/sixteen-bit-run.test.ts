// Whole runs in 16 bits, on a processor that is made to say that it computes in them (it rounds as a GPU would): skipped
// steps in the events, the metrics and the schedule, and the scale in checkpoints. The conformance checks on the same one.
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import type * as Scaler from '../../main/engine/optim/loss-scaler.ts';
import { checkConformance } from '../../main/training/conformance.ts';
import type * as Precision from '../../main/training/precision.ts';
import { runJob, starterModel } from '../support/run-job.ts';
import { tempFolder } from '../support/temp-folder.ts';

const given = vi.hoisted(() => ({ settings: { growthFactor: 0, backoffFactor: 0, growthInterval: 0 } }));
const scale = 2 ** 12;
/** Every step at this scale overflows. */
const excess = 2 ** 28;

vi.mock('../../main/training/precision.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof Precision>()),
  precisionDevice: (name: string) => ({ name, bf16: true, fp16: true }),
  mayComputeIn16Bits: () => true,
}));
vi.mock('../../main/engine/optim/loss-scaler.ts', async (importOriginal) => {
  const original = await importOriginal<typeof Scaler>();
  return {
    ...original,
    LossScaler: class extends original.LossScaler {
      constructor(state = { scale: scale * excess, growthTracker: 0 }) {
        super(state, given.settings);
      }
    },
  };
});

beforeEach(() => {
  given.settings = {
    growthFactor: excess,
    backoffFactor: 1 / excess,
    growthInterval: 2,
  } satisfies Scaler.LossScalerSettings;
});

const temp = tempFolder();
let folders = 0;
const folder = (): string => join(temp.path, String(++folders));
const settings = { logging_steps: 1, device: 'cpu', learning_rate: 1e-3 };

test('in fp16, steps that overflow are skipped and said, the schedule waits, and a resumed run is the same to the bit', async () => {
  const place = folder();
  const wanted = { ...settings, fp16: true, bf16: false, max_steps: 7 };
  const run = await runJob('sft', wanted, { folder: place });
  expect(run.end).toMatchObject({ status: 'completed' });
  expect(run.events.join('\n')).toContain('Computing in fp16: the recipe asks for it');
  // The first scale is too large; two good steps later it is again.
  const skipped = [1, 4, 7];
  expect(run.events.filter((event) => event.includes('was skipped'))).toEqual(
    skipped.map(
      (step) =>
        `Step ${step} was skipped: its gradients overflowed float16. The loss is scaled by ${scale} from here on.`,
    ),
  );
  for (const [i, log] of run.logs.entries()) {
    const isSkipped = skipped.includes(i + 1);
    expect('grad_norm' in log, `grad_norm of step ${i + 1}`).toBe(!isSkipped);
    expect(log.loss_scale).toBe(isSkipped ? scale * excess : scale);
    expect(log.skipped_steps).toBe(skipped.filter((step) => step <= i + 1).length);
    const taken = i - skipped.filter((step) => step <= i).length;
    expect(log.learning_rate).toBeCloseTo(1e-3 * (1 - taken / 7), 12);
  }
  const resumed = await runJob('sft', wanted, { folder: folder(), resumeFrom: join(place, 'run', 'checkpoint-3') });
  expect(resumed.losses).toEqual(run.losses.slice(3));
  expect(resumed.logs.map(({ loss_scale, skipped_steps }) => [loss_scale, skipped_steps])).toEqual(
    run.logs.slice(3).map(({ loss_scale, skipped_steps }) => [loss_scale, skipped_steps]),
  );
  expect(resumed.adapter().equals(run.adapter())).toBe(true);
});

test('a scale that has fallen below the numbers of fp16 ends the run with what to do', async () => {
  given.settings = { growthFactor: 2, backoffFactor: 2 ** -60, growthInterval: 2 };
  const run = runJob('sft', { ...settings, fp16: true, bf16: false }, { folder: folder() });
  await expect(run).rejects.toMatchObject({
    code: 'not-finite',
    message: expect.stringContaining('float16') as string,
  });
});

test('auto is bf16 where the device has both, and the losses are those of fp32 but for its digits', async () => {
  const wanted = { ...settings, max_steps: 3, save_strategy: 'no', gradient_checkpointing: true };
  const run = await runJob('sft', wanted, { folder: folder() });
  expect(run.events.join('\n')).toContain('Computing in bf16: cpu computes in bf16');
  expect(run.logs.every((log) => 'grad_norm' in log && !('loss_scale' in log))).toBe(true);
  const exact = await runJob('sft', { ...wanted, bf16: false, fp16: false }, { folder: folder() });
  for (const [i, loss] of run.losses.entries()) {
    expect(loss).not.toBe(exact.losses[i]);
    expect(Math.abs(loss / (exact.losses[i] ?? Number.NaN) - 1)).toBeLessThan(2 ** -7);
  }
});

test('the checks tell a format that a device computes in from one that it lacks', async () => {
  const findings = await checkConformance({ device: 'cpu', modelPath: starterModel, checks: ['bf16', 'fp16'] });
  // ONNX Runtime finds the types of the graph in bfloat16 right and no kernel for it. It takes float16 and computes in
  // float32, which is as near to the rounded reference as a GPU comes.
  expect(findings.slice(1)).toMatchObject([
    {
      check: 'bf16',
      passed: true,
      computes: false,
      detail: expect.stringMatching(/^not computed in: .*implementation for (Gemm|MatMul)/s) as string,
    },
    { check: 'fp16', passed: true, computes: true, detail: expect.stringContaining('gradients within') as string },
  ]);
});
