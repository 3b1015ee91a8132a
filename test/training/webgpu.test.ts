// Whole runs on WebGPU beside the same runs on the processor, on an adapter in software: every step's loss, what is
// resumed on the other device, and what travels. No node may fall back to the processor: sessions refuse that.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
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
});
