// Products in 16 bits against torch.autocast: loss, every LoRA gradient and ten optimizer steps, in float16 under a scale
// that overflows at the steps at which torch's does. The processor rounds what a GPU would compute in 16 bits.
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LossScaler } from '../../main/engine/optim/loss-scaler.ts';
import { learningRateAt } from '../../main/engine/optim/schedule.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { openGolden, peftKey, type Way } from '../support/golden-stepper.ts';
import { goldensFolder, readJson, readTensors, relativeError } from '../support/goldens.ts';

type Expected = {
  base: string;
  dtype: 'float16' | 'bfloat16';
  loss: number;
  scaler: Record<'init_scale' | 'growth_factor' | 'backoff_factor' | 'growth_interval', number> | null;
  steps: { loss: number; grad_norm: number | null; learning_rate: number; scale: number; is_skipped: boolean }[];
  final_loss: number;
};

const runtime = await openRuntime({ device: 'cpu' });
const folder = `${goldensFolder}/autocast`;
const ways: readonly Way[] = [
  { recompute: false, headChunks: 1, queryBlocks: 1, memory: 'fast' },
  { recompute: true, headChunks: 3, queryBlocks: 3, memory: 'lean' },
];
/** Half the distance between two numbers around 1: what one rounding may be off. */
const roundings = { float16: 2 ** -11, bfloat16: 2 ** -8 };
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe.each(readdirSync(folder))('%s', (name) => {
  const golden = readJson(`${folder}/${name}/expected.json`) as Expected;
  const rounding = roundings[golden.dtype];
  const scalerOf = ({ growth_factor, backoff_factor, growth_interval }: NonNullable<Expected['scaler']>): LossScaler =>
    new LossScaler(
      { scale: 2 ** 8, growthTracker: 0 },
      { growthFactor: growth_factor, backoffFactor: backoff_factor, growthInterval: growth_interval },
    );

  test.each(ways)('loss, gradients and the steps, recompute $recompute', async (way) => {
    const lossScaler = golden.scaler ? scalerOf(golden.scaler) : undefined;
    const autocast = { format: golden.dtype, emulated: true };
    const settings = { ...way, autocast, ...(lossScaler && { lossScaler }) };
    const { stepper, batch, tensors: exact } = await openGolden(runtime, golden.base, settings);
    const theirs = readTensors(`${folder}/${name}/expected.safetensors`);
    const labelWeight = 1 / batch.labelIds.length;
    const expectClose = (what: string, found: number, expected: number, tolerance: number): void => {
      expect(Math.abs(found - expected) / expected, what).toBeLessThan(tolerance * rounding);
    };
    const { loss } = await stepper.accumulate(batch, labelWeight, 0);
    expectClose('loss', loss, golden.loss, 2);
    // torch rounds between products as well, at different places: two results are as far apart as each is from float32.
    const away: { ours: number; theirs: number }[] = [];
    for (const [parameter, ours] of await stepper.gradients()) {
      const key = `grad.${peftKey(parameter)}`;
      const [their, real] = [theirs.get(key) ?? new Float32Array(), exact.get(key) ?? []];
      expect(relativeError(ours, their), parameter).toBeLessThan(40 * rounding);
      away.push({ ours: relativeError(ours, real), theirs: relativeError(their, real) });
    }
    const error = mean(away.map(({ ours }) => ours));
    expect(error).toBeLessThan(1.1 * mean(away.map(({ theirs }) => theirs)));
    // ...and rounding did take place.
    expect(error).toBeGreaterThan(2 * rounding);

    stepper.discard();
    if (golden.scaler) lossScaler?.restore({ scale: golden.scaler.init_scale, growthTracker: 0 });
    const schedule = { type: 'linear', learningRate: 1e-2, warmupSteps: 0, totalSteps: golden.steps.length } as const;
    for (const [i, step] of golden.steps.entries()) {
      expect(lossScaler?.scale ?? 1, `scale of step ${i}`).toBe(step.scale);
      const before = await stepper.accumulate(batch, labelWeight, 0);
      expectClose(`loss of step ${i}`, before.loss, step.loss, 10);
      const rate = learningRateAt(schedule, i - stepper.skippedSteps);
      expect(rate).toBeCloseTo(step.learning_rate, 12);
      const norm = await stepper.update(rate);
      expect(!Number.isFinite(norm), `step ${i} is skipped`).toBe(step.is_skipped);
      // bfloat16 changes later norms by whole percents, torch's among them.
      if (step.grad_norm !== null && (i < 4 || golden.dtype === 'float16'))
        expectClose(`grad_norm of step ${i}`, norm, step.grad_norm, 50);
    }
    expect(stepper.skippedSteps).toBe(golden.steps.filter((step) => step.is_skipped).length);
    expect(stepper.step).toBe(golden.steps.length);
    expectClose('final loss', (await stepper.evaluate(batch, labelWeight)).loss, golden.final_loss, 10);
    await stepper.dispose();
  });
});
