// The training loop as a whole, on the starter model and its sample data: what it posts, what it leaves on disk, and
// that stopping and resuming changes not a bit.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { JobRecord } from '../../preload/contract.ts';
import { readAdapter, writeAdapter } from '../../main/checkpoints/adapter.ts';
import { UserError } from '../../main/errors.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import type { LoraRecipe } from '../../main/training/lora-start.ts';
import { train } from '../../main/training/run.ts';
import { tempFolder } from '../support/temp-folder.ts';

const scratch = tempFolder().path;
let folders = 0;
const temporaryFolder = (): string => join(scratch, String(++folders));

const resources = join(import.meta.dirname, '../../resources');
const model = join(resources, 'starter-model');

const plain = {
  use_peft: true,
  model_name_or_path: model,
  dataset_name: join(resources, 'sample-data/sft.jsonl'),
  test_split_size: 8,
  max_steps: 8,
  per_device_train_batch_size: 2,
  gradient_accumulation_steps: 2,
  learning_rate: 5e-3,
  lora_r: 4,
  lora_dropout: 0.1,
  logging_steps: 3,
  eval_strategy: 'steps',
  eval_steps: 4,
  save_steps: 3,
};

async function run(
  settings: Record<string, unknown>,
  options: { folder?: string; resumeFrom?: string; stopAfter?: number; lora?: Partial<LoraRecipe> } = {},
) {
  const folder = options.folder ?? temporaryFolder();
  const { recipe } = parseRecipe('sft', { ...plain, ...settings });
  const records: JobRecord[] = [];
  const steps = (): number => records.filter(({ type }) => type === 'step').length;
  const job = {
    runId: 'test',
    recipe: Object.assign(recipe, options.lora),
    runDir: join(folder, 'run'),
    outputDir: join(folder, 'adapter'),
    cacheDir: join(folder, 'cache'),
    ...(options.resumeFrom === undefined ? {} : { resumeFrom: options.resumeFrom }),
  };
  const end = await train(job, {
    post: (record) => {
      records.push(record);
    },
    stopRequested: () => options.stopAfter !== undefined && steps() >= options.stopAfter,
    signal: new AbortController().signal,
  });
  const losses = records.flatMap((record) => (record.type === 'step' ? [record.loss] : []));
  const logs = records.flatMap((record) => (record.type === 'step' && record.metrics ? [record.metrics] : []));
  return { folder, end, records, losses, logs };
}

const adapterBytes = (folder: string): Buffer => readFileSync(join(folder, 'adapter/adapter_model.safetensors'));

test('a run posts steps, logs, evaluations and checkpoints when they are due', async () => {
  const { end, records, logs, losses, folder } = await run({ save_total_limit: 2 });
  expect(end).toMatchObject({ status: 'completed' });
  expect(losses).toHaveLength(8);
  const at = (type: JobRecord['type']): (number | undefined)[] =>
    records.flatMap((record) => (record.type === type && 'step' in record ? [record.step] : []));
  expect(at('evaluation')).toEqual([4, 8]);
  expect(at('checkpoint')).toEqual([3, 6, 8]);
  expect(readdirSync(join(folder, 'run')).sort()).toEqual(['checkpoint-6', 'checkpoint-8', 'data.json']);
  expect(logs.map(({ learning_rate }) => learning_rate)).toEqual(
    [3.75e-3, 1.875e-3, 6.25e-4].map((rate) => expect.closeTo(rate, 12) as number),
  );
  // A log line holds the mean since the last one.
  expect(logs[0]?.loss).toBeCloseTo(((losses[0] ?? 0) + (losses[1] ?? 0) + (losses[2] ?? 0)) / 3, 10);
  expect(logs[1]?.loss).toBeCloseTo(((losses[3] ?? 0) + (losses[4] ?? 0) + (losses[5] ?? 0)) / 3, 10);
  expect(Object.keys(logs[0] ?? {})).toEqual([
    'loss',
    'grad_norm',
    'learning_rate',
    'epoch',
    'num_tokens',
    'mean_token_accuracy',
    'entropy',
  ]);
  expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);
});

test('the same recipe twice gives the same bits', async () => {
  const [a, b] = [await run({}), await run({})];
  expect(a.losses).toEqual(b.losses);
  expect(adapterBytes(a.folder)).toEqual(adapterBytes(b.folder));
  const other = await run({ seed: 43 });
  expect(other.losses).not.toEqual(a.losses);
});

const everyKindOfLora: Partial<LoraRecipe> = {
  use_dora: true,
  use_rslora: true,
  init_lora_weights: 'pissa_niter_4',
  rank_pattern: { q_proj: 2 },
  alpha_pattern: { 'layers.0.*': 3 },
};

test.each([
  { stopAfter: 2, lora: {} },
  { stopAfter: 5, lora: {} },
  { stopAfter: 3, lora: { use_dora: true } },
  { stopAfter: 3, lora: everyKindOfLora },
])(
  'stopped after $stopAfter steps and resumed equals uninterrupted, bit for bit, with $lora',
  async ({ stopAfter, lora }) => {
    const whole = await run({}, { lora });
    const first = await run({}, { lora, stopAfter });
    expect(first.end.status).toBe('stopped');
    const checkpoint = first.records.findLast((record) => record.type === 'checkpoint');
    expect(checkpoint?.step).toBe(stopAfter);
    const second = await run({}, { lora, folder: first.folder, resumeFrom: checkpoint?.path ?? '' });
    expect(second.records.find((record) => record.type === 'start')).toMatchObject({
      startStep: stopAfter,
      totalSteps: 8,
    });
    expect([...first.losses, ...second.losses]).toEqual(whole.losses);
    const counted = ({ logs }: typeof whole) =>
      logs.map(({ loss, grad_norm, num_tokens, mean_token_accuracy }) => [
        loss,
        grad_norm,
        num_tokens,
        mean_token_accuracy,
      ]);
    expect([...counted(first), ...counted(second)]).toEqual(counted(whole));
    expect(adapterBytes(second.folder)).toEqual(adapterBytes(whole.folder));
  },
);

test('gradient_checkpointing changes the numbers by rounding only', async () => {
  const [fast, lean] = [await run({}), await run({ gradient_checkpointing: true })];
  lean.losses.forEach((loss, i) => {
    expect(Math.abs(loss - (fast.losses[i] ?? 0)) / loss).toBeLessThan(1e-4);
  });
});

test('an adapter continues from where it is', async () => {
  const first = await run({});
  const path = join(first.folder, 'adapter');
  const next = await run({ adapter_name_or_path: path, lora_r: 16, max_steps: 1, lora_dropout: 0 });
  expect(next.losses[0]).toBeLessThan(first.losses[0] ?? 0);
  const { config } = readAdapter(join(next.folder, 'adapter'));
  expect(config).toMatchObject({ r: 4, lora_dropout: 0.1, target_modules: ['q_proj', 'v_proj'] });
});

test('a DoRA on a PiSSA start ends as an adapter that continues as if it had not ended', async () => {
  const first = await run({}, { lora: everyKindOfLora });
  const path = join(first.folder, 'adapter');
  const { config } = readAdapter(path);
  expect(config).toMatchObject({ r: 8, use_dora: true, use_rslora: true, rank_pattern: { q_proj: 4 } });
  expect(config.lora_alpha).toBeCloseTo(32 * Math.SQRT2, 10);
  // Its evaluation before any step is that at the end of the run that made it.
  const next = await run({ adapter_name_or_path: path, max_steps: 1, eval_on_start: true });
  const losses = [first, next].map(({ records }) =>
    records.flatMap((record) => (record.type === 'evaluation' ? [record.metrics.eval_loss ?? 0] : [])),
  );
  expect(Math.abs((losses[1]?.[0] ?? 0) - (losses[0]?.at(-1) ?? 1))).toBeLessThan(1e-5); // sums in another order
});

async function refusal(run: Promise<unknown>): Promise<UserError> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof UserError) return error;
  throw new Error(`no UserError: ${String(error)}`);
}

test('a loss that is not finite stops the run, says where, and leaves the last checkpoint', async () => {
  const folder = temporaryFolder();
  const good = await run({ max_steps: 3, save_steps: 3 }, { folder });
  const adapter = readAdapter(join(good.folder, 'adapter'));
  const broken = join(folder, 'broken');
  for (const { data } of adapter.tensors.values()) data.fill(3e38);
  writeAdapter(broken, { ...adapter, card: '' });
  const early = await refusal(
    run({ adapter_name_or_path: broken, eval_on_start: true }, { folder: temporaryFolder() }),
  );
  expect(early.message).toMatch(/^The evaluation loss became (NaN|Infinity) at step 0/);
  const error = await refusal(run({ adapter_name_or_path: broken }, { folder: temporaryFolder() }));
  expect(error.code).toBe('not-finite');
  expect(error.message).toMatch(/^The loss became (NaN|Infinity) at step 1/);
  expect(error.fix).toContain('No checkpoint had been saved yet.');
  expect(readdirSync(join(folder, 'run')).sort()).toEqual(['checkpoint-3', 'data.json']);
});

test('checkpoints of another run, unknown targets and adapters of other models are refused', async () => {
  const first = await run({ max_steps: 3 });
  const resumeFrom = join(first.folder, 'run/checkpoint-3');
  expect((await refusal(run({ seed: 1 }, { resumeFrom }))).message).toContain('saved with seed 42');
  expect((await refusal(run({ test_split_size: 9 }, { resumeFrom }))).message).toMatch(
    /training on \d+ rows, the data now has/,
  );
  expect((await refusal(run({ lora_r: 8 }, { resumeFrom }))).code).toBe('checkpoint-misfit');
  const targets = await refusal(run({ lora_target_modules: ['q_proj', 'c_attn'] }));
  expect(targets.message).toContain('c_attn names no linear layer');
  expect(targets.fix).toContain('q_proj');
  const foreign = join(import.meta.dirname, '../goldens/llama-gqa-tied/adapter');
  expect((await refusal(run({ adapter_name_or_path: foreign }))).code).toBe('adapter-misfit');
});
