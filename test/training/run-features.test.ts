// What a recipe can ask of a run besides plain training: resuming with every method and optimizer, the best evaluation,
// samples, noise, packing and shared beginnings.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readAdapter } from '../../main/checkpoints/adapter.ts';
import { Generator } from '../../main/generation/generator.ts';
import type { Method } from '../../main/recipe/recipe.ts';
import { runJob, starterModel } from '../support/run-job.ts';
import { tempFolder } from '../support/temp-folder.ts';

const scratch = tempFolder().path;
let folders = 0;
const fresh = (): string => join(scratch, String(++folders));

describe('stopped and resumed equals uninterrupted, bit for bit', () => {
  const recipes: [string, Method, Record<string, unknown>][] = [
    ['sft with adamw_8bit', 'sft', { optim: 'adamw_8bit', lora_r: 32 }],
    ['sft with sgd', 'sft', { optim: 'sgd', learning_rate: 0.5 }],
    ['sft with adafactor', 'sft', { optim: 'adafactor' }],
    ['sft with lion', 'sft', { optim: 'lion', learning_rate: 1e-3 }],
    ['sft with LoRA+ and NEFTune', 'sft', { loraplus_lr_ratio: 8, neftune_noise_alpha: 5 }],
    ['packed sft in lean mode', 'sft', { packing: true, max_length: 96, gradient_checkpointing: true }],
    ['dpo', 'dpo', {}],
    ['dpo with DoRA and several losses', 'dpo', { use_dora: true, loss_type: ['ipo', 'sft'], loss_weights: [1, 0.1] }],
    ['orpo', 'orpo', { beta: 0.5 }],
    ['simpo', 'simpo', { beta: 2, gradient_accumulation_steps: 2 }],
    ['sft in 4 bits with DoRA', 'sft', { load_in_4bit: true, use_dora: true, use_rslora: true }],
    [
      'dpo in 4 bits, recomputing',
      'dpo',
      { load_in_4bit: true, use_bnb_nested_quant: true, gradient_checkpointing: true },
    ],
    ['dpo from PiSSA', 'dpo', { init_lora_weights: 'pissa', gradient_accumulation_steps: 2 }],
  ];
  test.each(recipes)('%s', async (_, method, settings) => {
    const evaluated = { ...settings, test_split_size: 8, eval_strategy: 'steps', eval_steps: 2 };
    const whole = await runJob(method, evaluated, { folder: fresh() });
    const folder = fresh();
    const first = await runJob(method, evaluated, { folder, stopAfter: 4 });
    expect(first.end.status).toBe('stopped');
    // From the checkpoint of the stop, and from an earlier one.
    for (const step of [4, 3]) {
      const resumeFrom = join(folder, 'run', `checkpoint-${step}`);
      const second = await runJob(method, evaluated, { folder, resumeFrom });
      expect([...whole.losses.slice(0, step), ...second.losses]).toEqual(whole.losses);
      expect(second.logs.at(-1)).toEqual(whole.logs.at(-1));
      expect(second.adapter()).toEqual(whole.adapter());
    }
  });
});

describe('the best evaluation', () => {
  // A handful of rows, learned by heart at a large rate: the evaluation gets worse again.
  const overshooting = {
    learning_rate: 0.03,
    lr_scheduler_type: 'constant',
    max_steps: 24,
    test_split_size: 308,
    per_device_eval_batch_size: 64,
    eval_strategy: 'steps',
    eval_steps: 2,
    save_strategy: 'no',
    lora_dropout: 0,
  };
  const lossesOf = (run: Awaited<ReturnType<typeof runJob>>): { step: number; loss: number }[] =>
    run.of('evaluation').map(({ step, metrics }) => ({ step, loss: metrics.eval_loss ?? Number.NaN }));

  test('is the result with load_best_model_at_end, and its checkpoint is kept', async () => {
    const folder = fresh();
    const run = await runJob('sft', { ...overshooting, load_best_model_at_end: true, save_total_limit: 1 }, { folder });
    const evaluations = lossesOf(run);
    const best = evaluations.reduce((a, b) => (b.loss < a.loss ? b : a));
    expect(best.step, 'the run must get worse for this test to say something').toBeLessThan(24);
    expect(readdirSync(join(folder, 'run'))).toContain(`checkpoint-${best.step}`);
    expect(run.adapter()).toEqual(
      readFileSync(join(folder, 'run', `checkpoint-${best.step}`, 'adapter_model.safetensors')),
    );
    expect(run.events.join('\n')).toContain(`The result is the adapter of step ${best.step}`);
  });

  test('early_stopping_patience stops after so many evaluations without a better one', async () => {
    const run = await runJob('sft', { ...overshooting, early_stopping_patience: 2 }, { folder: fresh() });
    const evaluations = lossesOf(run);
    const best = evaluations.reduce((a, b) => (b.loss < a.loss ? b : a));
    expect(run.end.status).toBe('completed');
    expect(evaluations.at(-1)?.step).toBeLessThan(24);
    expect(evaluations.filter(({ step }) => step > best.step)).toHaveLength(2);
    expect(run.events.join('\n')).toContain('Stopped early: 2 evaluations in a row without a better eval_loss');
  });

  test('patience survives a resume', async () => {
    const settings = { ...overshooting, early_stopping_patience: 3, save_strategy: 'steps', save_steps: 1 };
    const whole = await runJob('sft', settings, { folder: fresh() });
    const last = whole.of('step').length;
    const folder = fresh();
    await runJob('sft', settings, { folder, stopAfter: last - 1 });
    const rest = await runJob('sft', settings, { folder, resumeFrom: join(folder, 'run', `checkpoint-${last - 1}`) });
    expect(rest.of('step')).toHaveLength(1);
    expect(rest.adapter()).toEqual(whole.adapter());
  });
});

test('an evaluation that a stop cut short is made up for after the resume', async () => {
  const settings = { test_split_size: 16, eval_strategy: 'steps', eval_steps: 3, per_device_eval_batch_size: 4 };
  const whole = await runJob('sft', settings, { folder: fresh() });
  const folder = fresh();
  // The stop is heard within the evaluation of step 3, which follows the step at once.
  const first = await runJob('sft', settings, { folder, stopAfter: 3 });
  expect(first.of('evaluation')).toEqual([]);
  const second = await runJob('sft', settings, { folder, resumeFrom: join(folder, 'run', 'checkpoint-3') });
  const evaluated = (run: typeof whole): unknown[] =>
    run.of('evaluation').map(({ step, metrics }) => [step, metrics.eval_loss, metrics.eval_entropy]);
  expect(evaluated(second)).toEqual(evaluated(whole));
});

describe('samples', () => {
  test('answer each prompt at the start and every sample_steps; the last is what the adapter answers', async () => {
    const folder = fresh();
    const prompts = ['Who are you?', [{ role: 'user', content: 'Is Wim nice?' }]];
    const settings = { sample_prompts: prompts, sample_steps: 4, sample_max_new_tokens: 12, learning_rate: 0.05 };
    const run = await runJob('sft', settings, { folder });
    const samples = run.of('sample');
    expect(samples.map(({ step, index }) => [step, index])).toEqual([
      [0, 0],
      [0, 1],
      [4, 0],
      [4, 1],
      [6, 0],
      [6, 1],
    ]);
    expect(samples.map(({ prompt }) => prompt)).toEqual([...prompts, ...prompts, ...prompts]);
    const generator = await Generator.open({ modelPath: starterModel, adapterPath: join(folder, 'adapter') });
    const answer = async (withoutAdapter: boolean): Promise<string> => {
      let text = '';
      const prompt = [{ role: 'user', content: 'Who are you?' }];
      const settings = { maxNewTokens: 12, temperature: 0, topP: 1, seed: 1, withoutAdapter };
      for await (const piece of generator.generate({ prompt, ...settings })) text += piece;
      return text;
    };
    expect(samples[0]?.text).toBe(await answer(true));
    expect(samples[4]?.text).toBe(await answer(false));
    expect(samples[4]?.text).not.toBe(samples[0]?.text);
    await generator.dispose();
  });
});

test('NEFTune changes the steps and not the evaluation before them', async () => {
  const settings = { eval_on_start: true, test_split_size: 8, max_steps: 1, lora_dropout: 0 };
  const [plain, noisy] = [
    await runJob('sft', settings, { folder: fresh() }),
    await runJob('sft', { ...settings, neftune_noise_alpha: 5 }, { folder: fresh() }),
  ];
  expect(noisy.of('evaluation')[0]?.metrics.eval_loss).toBe(plain.of('evaluation')[0]?.metrics.eval_loss);
  const difference = Math.abs((noisy.losses[0] ?? 0) - (plain.losses[0] ?? 0));
  expect(difference).toBeGreaterThan(1e-6);
  // Noise of size 5 / sqrt(tokens * hidden) is a few hundredths of an embedding.
  expect(difference).toBeLessThan(0.5);
});

describe('rows that begin alike', () => {
  const shared = 'The rules of the village are these. Nobody may shout on the bridge after the lamps are lit. '.repeat(
    3,
  );
  const rows = Array.from({ length: 8 }, (_, i) => ({
    prompt: `${shared}Rule ${i}:`,
    completion: ` number ${i} says stop.`,
  }));
  const file = (): string => {
    const path = join(scratch, 'alike.jsonl');
    if (!existsSync(path)) writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return path;
  };
  test.each([{}, { completion_only_loss: false }, { gradient_checkpointing: true }])(
    'give the same losses and adapter whether the beginning is computed once or for each row: %j',
    async (way) => {
      const settings = { ...way, dataset_name: file(), per_device_train_batch_size: 4, lora_dropout: 0, max_steps: 4 };
      const [once, each] = [
        await runJob('sft', settings, { folder: fresh() }),
        await runJob('sft', { ...settings, share_prefixes: 'off' }, { folder: fresh() }),
      ];
      once.losses.forEach((loss, i) => {
        expect(Math.abs(loss - (each.losses[i] ?? 0)) / loss).toBeLessThan(1e-5); // float32 sums in another order
      });
      expect(once.logs.map(({ num_tokens }) => num_tokens)).toEqual(each.logs.map(({ num_tokens }) => num_tokens));
      expect(once.logs.at(-1)?.grad_norm).toBeCloseTo(each.logs.at(-1)?.grad_norm ?? 0, 4);
    },
  );
});

describe('a DPO run', () => {
  test('asks the reference once: a second run of the same start finds its answers', async () => {
    const folder = fresh();
    const settings = { test_split_size: 8, eval_strategy: 'steps', eval_steps: 3 };
    const asked = (run: Awaited<ReturnType<typeof runJob>>): string[] => [
      ...new Set(run.of('progress').flatMap(({ phase }) => (phase.includes('reference') ? [phase] : []))),
    ];
    const first = await runJob('dpo', settings, { folder });
    expect(asked(first)).toEqual([
      'Asking the reference about the training pairs',
      'Asking the reference about the evaluation pairs',
    ]);
    // Another learning rate and rank, the same reference.
    const again = { ...settings, overwrite_output_dir: true, learning_rate: 1e-4, lora_r: 8 };
    expect(asked(await runJob('dpo', again, { folder }))).toEqual([]);
    const continued = { ...again, adapter_name_or_path: join(folder, 'adapter') };
    expect(asked(await runJob('dpo', continued, { folder }))).toHaveLength(2);
  });

  test('warns once when nothing is learned for 50 steps', async () => {
    const run = await runJob('dpo', { learning_rate: 1e-12, max_steps: 60, save_strategy: 'no' }, { folder: fresh() });
    const warnings = run.of('event').filter(({ level }) => level === 'warning');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ step: 50 });
    expect(warnings[0]?.message).toContain('Raise learning_rate');
  });

  test('learns to prefer, and says so in its card', async () => {
    const run = await runJob('dpo', { learning_rate: 5e-3, max_steps: 30 }, { folder: fresh() });
    expect(run.logs.at(-1)?.['rewards/accuracies']).toBeGreaterThan(0.9);
    expect(run.logs.at(-1)?.['rewards/margins']).toBeGreaterThan(1);
    expect(run.card()).toContain('Direct preference optimization (DPO)');
    expect(run.card()).toContain('beta');
  });
});

test('the events say which precision was picked, and why', async () => {
  const run = await runJob('sft', { bf16: true, max_steps: 1 }, { folder: fresh() });
  expect(run.events.join('\n')).toMatch(/Computing in fp32: the recipe asks for bf16, which cpu does not compute in/);
});

test('an adapter of a run with rank_pattern and DoRA is read back as one', async () => {
  const folder = fresh();
  await runJob('sft', { use_dora: true, rank_pattern: { q_proj: 2 }, alpha_pattern: { q_proj: 6 } }, { folder });
  const { config, tensors } = readAdapter(join(folder, 'adapter'));
  expect(config).toMatchObject({ r: 4, use_dora: true, rank_pattern: { q_proj: 2 }, alpha_pattern: { q_proj: 6 } });
  expect([...tensors.keys()].some((key) => key.endsWith('lora_magnitude_vector'))).toBe(true);
});
