// Whole runs on WebGPU beside the same runs on the processor, on an adapter in software: every step's loss, what is
// resumed on the other device, and what travels. No node may fall back to the processor: sessions refuse that.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { openApp } from '../../main/app/app.ts';
import { startRun } from '../../main/app/start-run.ts';
import { forkedJobs } from '../../main/hosts/cli/fork-job.ts';
import { fakeNvidiaSmi } from '../support/fake-nvidia-smi.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { LossScaler } from '../../main/engine/optim/loss-scaler.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { openGolden, peftKey } from '../support/golden-stepper.ts';
import { relativeError } from '../support/goldens.ts';
import { hasSoftwareGpu } from '../support/software-gpu.ts';
import { runJob, starterModel } from '../support/run-job.ts';
import { storiesModel } from '../support/trl-run.ts';

const scratch = tempFolder().path;
let folders = 0;
const folder = (): string => join(scratch, String(++folders));

const short = {
  per_device_train_batch_size: 1,
  max_steps: 3,
  save_steps: 2,
  logging_steps: 1,
};
const small = {
  ...short,
  model_name_or_path: existsSync(storiesModel) ? storiesModel : starterModel,
  chat_template_path: starterModel,
  max_length: 48,
};

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, loss] of expected.entries())
    expect(Math.abs((found[i] ?? Number.NaN) - loss), `loss of step ${i + 1}`).toBeLessThan(1e-4 * Math.abs(loss));
}

describe.skipIf(!hasSoftwareGpu)('on WebGPU', () => {
  test('fine-tuning gives the losses of the processor, and each resumes what the other has saved', async () => {
    const settings = { ...small, test_split_size: 4, eval_strategy: 'steps', eval_steps: 2, weight_decay: 0.1 };
    const here = await runJob('sft', { ...settings, device: 'cpu' }, { folder: folder() });
    const place = folder();
    const there = await runJob('sft', { ...settings, device: 'webgpu' }, { folder: place });
    expect(there.events.join('\n')).toContain('Training on webgpu');
    expectClose(there.losses, here.losses);
    const gradNorms = (run: typeof here): number[] => run.logs.map(({ grad_norm }) => grad_norm ?? Number.NaN);
    expectClose(gradNorms(there), gradNorms(here));
    const evaluations = (run: typeof here): number[] =>
      run.of('evaluation').map(({ metrics }) => metrics.eval_loss ?? Number.NaN);
    expectClose(evaluations(there), evaluations(here));

    const resumeFrom = join(place, 'run', 'checkpoint-2');
    const resumed = await runJob('sft', { ...settings, device: 'cpu' }, { folder: folder(), resumeFrom });
    expectClose(resumed.losses, here.losses.slice(2));
    const backAgain = await runJob('sft', { ...settings, device: 'webgpu' }, { folder: folder(), resumeFrom });
    expectClose(backAgain.losses, here.losses.slice(2));
  });

  test.each([
    [
      'DoRA on a base model in 4 bits, recomputed',
      { use_dora: true, load_in_4bit: true, gradient_checkpointing: true, lora_target_modules: 'all-linear' },
    ],
    [
      'rsLoRA, noise, and an optimizer that the device does not run',
      { use_rslora: true, neftune_noise_alpha: 5, optim: 'lion_32bit', learning_rate: 1e-4 },
    ],
  ])('%s', async (_, settings) => {
    const wanted = { ...small, max_steps: 2, save_strategy: 'no', ...settings };
    const here = await runJob('sft', { ...wanted, device: 'cpu' }, { folder: folder() });
    const there = await runJob('sft', { ...wanted, device: 'webgpu' }, { folder: folder() });
    expectClose(there.losses, here.losses);
    expect(there.events.some((event) => event.includes('runs on the processor'))).toBe('optim' in settings);
  });

  test('preferences give the losses and rewards of the processor', async () => {
    // The reference is asked about every pair.
    const [few, all] = [
      join(scratch, 'pairs.jsonl'),
      join(import.meta.dirname, '../../resources/sample-data/dpo.jsonl'),
    ];
    writeFileSync(few, readFileSync(all, 'utf8').split('\n').slice(0, 4).join('\n'));
    const wanted = { ...short, dataset_name: few, max_steps: 2, save_strategy: 'no', max_length: 96 };
    const here = await runJob('dpo', { ...wanted, device: 'cpu' }, { folder: folder() });
    const there = await runJob('dpo', { ...wanted, device: 'webgpu' }, { folder: folder() });
    expectClose(there.losses, here.losses);
    for (const [i, log] of here.logs.entries())
      expect(there.logs[i]?.['rewards/margins'], `margins of step ${i + 1}`).toBeCloseTo(
        log['rewards/margins'] ?? Number.NaN,
        4,
      );
  });

  test('a run has no figures of a GPU in software, also where the machine has another one', async () => {
    const bin = join(scratch, 'bin');
    const card = {
      name: 'NVIDIA T4',
      driver: '580.95.05',
      total: 15_360,
      used: 900,
      utilization: 40,
      capability: '7.5',
    };
    fakeNvidiaSmi(bin, [{ index: 0, ...card }]);
    vi.stubEnv('PATH', `${bin}:/usr/bin:/bin`);
    const worker = fileURLToPath(new URL('../../main/job/worker.ts', import.meta.url));
    const app = openApp({ launchJob: forkedJobs(worker) }, join(scratch, 'home'));
    try {
      const data = join(starterModel, '../sample-data/sft.jsonl');
      const values = { ...small, dataset_name: data, use_peft: true, device: 'webgpu' };
      const request = { method: 'sft' as const, values, workingDirectory: scratch, onRecord: () => undefined };
      const session = await startRun(app, request);
      expect((await session.ended).error).toBeUndefined();
      expect(app.history.runs.get(session.runId)?.device).toBe('webgpu');
      const names = app.history.metrics.steps(session.runId).flatMap(({ logged = {} }) => Object.keys(logged));
      expect(names).toContain('process_memory_peak_megabytes');
      expect(names.filter((name) => name.startsWith('gpu'))).toEqual([]);
    } finally {
      app.history.close();
      vi.unstubAllEnvs();
    }
  });

  test.each(['llama-f16', 'llama-bf16-sharded'])(
    '%s stays in 16 bits there and gives the loss, the gradients and the steps of PyTorch, also under a scaled loss',
    async (name) => {
      const runtime = await openRuntime({ device: 'webgpu' });
      const uploaded: string[] = [];
      const watched = {
        ...runtime,
        upload: (tensor: Parameters<typeof runtime.upload>[0]) => {
          uploaded.push(`${tensor.dtype} ${tensor.dims.length}`);
          return runtime.upload(tensor);
        },
      };
      // Beyond what the norm of the gradients can be told in.
      const lossScaler = new LossScaler(
        { scale: 2 ** 127, growthTracker: 0 },
        { growthFactor: 2, backoffFactor: 2 ** -117, growthInterval: 4 },
      );
      const way = { recompute: true, headChunks: 1, queryBlocks: 1, memory: 'lean', lossScaler } as const;
      const { stepper, expected, batch, tensors } = await openGolden(watched, name, way);
      // Vectors are fed as float32; no table is.
      expect(new Set(uploaded)).toEqual(new Set(['uint32 2', 'float32 1']));
      const labelWeight = 1 / batch.labelIds.length;
      await stepper.accumulate(batch, labelWeight, 0);
      expect(Number.isFinite(await stepper.update(1e-2))).toBe(false);
      expect([stepper.step, stepper.skippedSteps, lossScaler.scale]).toEqual([1, 1, 2 ** 10]);
      const { loss } = await stepper.accumulate(batch, labelWeight, 0);
      expect(loss).toBeCloseTo(expected.loss, 4);
      for (const [parameter, gradient] of await stepper.gradients())
        expect(relativeError(gradient, tensors.get(`grad.${peftKey(parameter)}`) ?? []), parameter).toBeLessThan(1e-4);
      for (const [i, step] of expected.steps.entries()) {
        const before = i === 0 ? { loss } : await stepper.accumulate(batch, labelWeight, 0);
        expect(Math.abs(before.loss - step.loss) / step.loss, `loss of step ${i}`).toBeLessThan(1e-4);
        const norm = await stepper.update(step.learning_rate);
        expect(Math.abs(norm - step.grad_norm) / step.grad_norm, `grad_norm of step ${i}`).toBeLessThan(1e-3);
      }
      expect(lossScaler.scale).toBe(2 ** 12);
      await stepper.dispose();
      await runtime.close();
    },
  );
});
