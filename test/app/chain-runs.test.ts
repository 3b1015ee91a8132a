// Runs that begin where another one ended, on the starter model, with jobs that really train: in this process.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApp, runFolder, type App } from '../../main/app/app.ts';
import { chainRuns } from '../../main/app/chain-runs.ts';
import { exportRun } from '../../main/app/export-run.ts';
import { findRun } from '../../main/app/find-run.ts';
import { previewRun } from '../../main/app/preview.ts';
import { thisProcess } from '../../main/app/process-identity.ts';
import { showRun } from '../../main/app/show-runs.ts';
import { resumeRun, startRun } from '../../main/app/start-run.ts';
import type { LaunchJob } from '../../main/app/job.ts';
import { readAdapter } from '../../main/checkpoints/adapter.ts';
import { partialName } from '../../main/checkpoints/atomic.ts';
import { readMergedFrom } from '../../main/checkpoints/merged-from.ts';
import { readMergeOrder } from '../../main/checkpoints/merge-order.ts';
import { UserError } from '../../main/errors.ts';
import { train } from '../../main/training/run.ts';
import type { JobRecord } from '../../preload/contract.ts';
import { userErrorOf } from '../support/user-error.ts';

const resources = join(import.meta.dirname, '../../resources');
const folder = mkdtempSync(join(tmpdir(), 'lorelei-chain-'));
const model = join(folder, 'starter');
afterAll(() => {
  app.history.close();
  rmSync(folder, { recursive: true });
});

/** Steps after which the job of the next run stops. */
let stopAfter = Infinity;

const inThisProcess: LaunchJob = (job, { onRecord }) => {
  let steps = 0;
  const post = (record: JobRecord): void => {
    if (record.type === 'step') steps++;
    onRecord(record);
  };
  const control = { post, stopRequested: () => steps >= stopAfter, signal: new AbortController().signal };
  const failed = (error: unknown): JobRecord => {
    if (!(error instanceof UserError)) throw error;
    return { type: 'end', status: 'failed', outputDir: job.outputDir, metrics: {}, error: error.toDetails() };
  };
  const exited = train(job, control)
    .catch(failed)
    .then((end) => {
      onRecord(end);
      return { code: 0, signal: null };
    });
  return { spawned: Promise.resolve(undefined), stop: () => undefined, kill: () => undefined, exited };
};

const app: App = openApp({ launchJob: inThisProcess }, join(folder, 'home'));

const plain = {
  model_name_or_path: model,
  dataset_name: join(resources, 'sample-data/sft.jsonl'),
  use_peft: true,
  lora_r: 4,
  lora_dropout: 0,
  max_steps: 4,
  per_device_train_batch_size: 2,
  learning_rate: 1e-2,
  warmup_steps: 0,
  save_steps: 2,
  logging_steps: 1,
  device: 'cpu',
};

async function trained(values: Record<string, unknown>) {
  const records: JobRecord[] = [];
  const onRecord = (record: JobRecord): void => void records.push(record);
  const session = await startRun(app, {
    method: 'sft',
    values: { ...plain, ...values },
    workingDirectory: folder,
    onRecord,
  });
  const end = await session.ended;
  const losses = records.flatMap((record) => (record.type === 'step' ? [record.loss] : []));
  const merging = records.filter((record) => record.type === 'progress' && record.phase === 'Merging the model');
  return { id: session.runId, end, losses, merging };
}

const merges = (): string[] => readdirSync(join(app.home.cache, 'merged')).sort();

let first: Awaited<ReturnType<typeof trained>>;
beforeAll(async () => {
  cpSync(join(resources, 'starter-model'), model, { recursive: true });
  first = await trained({ template: 'chatml' });
});

test('a run starts from another one, merged once, and says so everywhere', async () => {
  const second = await trained({ model_name_or_path: `run:${first.id}` });
  expect(second.end).toMatchObject({ status: 'completed' });
  expect(second.merging.length).toBeGreaterThan(1);
  const [name = ''] = merges();
  expect(name).toMatch(new RegExp(`^${first.id}-step-4-[0-9a-f]{12}$`));
  const merged = join(app.home.cache, 'merged', name);
  expect(readMergedFrom(merged)).toEqual({ run: first.id, step: 4, baseModel: model });
  // The template that the first run wrote its rows with belongs to the model now.
  expect(readFileSync(join(merged, 'chat_template.jinja'), 'utf8')).toContain('<|im_start|>');

  const { recipe, events, outputDir } = showRun(app, second.id);
  expect(recipe.model_name_or_path).toBe(merged);
  expect(events[0]?.message).toContain(
    `The model is the adapter of the run ${first.id} at step 4, merged into starter`,
  );
  expect(readAdapter(outputDir).config.base_model_name_or_path).toBe(merged);
  const card = readFileSync(join(outputDir, 'README.md'), 'utf8');
  expect(card).toContain(`The adapter of the run \`${first.id}\` (step 4) is merged into that model first`);
  expect(card).toContain(`model_name_or_path: run:${first.id}@4`);
  expect(card).not.toContain(folder);

  const third = await trained({ model_name_or_path: 'run:' + first.id.slice(0, -1), max_steps: 1 });
  expect(third.merging).toEqual([]);
  expect(merges()).toEqual([name]);
});

test('it begins at the loss that continuing the adapter begins at', async () => {
  const same = { template: 'chatml', max_steps: 1, seed: 7 };
  const [onMerged, continued, afresh] = [
    await trained({ ...same, model_name_or_path: `run:${first.id}` }),
    await trained({ ...same, adapter_name_or_path: `run:${first.id}` }),
    await trained(same),
  ];
  const [merged = 0, adapted = 0, base = 0] = [onMerged.losses[0], continued.losses[0], afresh.losses[0]];
  expect(Math.abs(base - adapted)).toBeGreaterThan(0.05);
  // The starter model is stored in 16 bits, and so is the merged one: rounding moves the loss a little.
  expect(Math.abs(merged - adapted)).toBeLessThan(0.02 * Math.abs(base - adapted) + 2e-3);
  expect(showRun(app, continued.id).events.map(({ message }) => message)).toContain(
    `Continues the adapter of the run ${first.id} from step 4.`,
  );
});

test('checkpoints are named by step or as the best; each makes a model of its own', () => {
  app.history.metrics.addEvaluation(first.id, { step: 2, recordedAt: 1, metrics: { eval_loss: 1 } });
  const targetOf = (reference: string): string | undefined =>
    chainRuns(app, { model_name_or_path: reference }).order?.target;
  expect(basename(targetOf(`run:${first.id}@2`) ?? '')).toMatch(/-step-2-/);
  expect(targetOf(`run:${first.id}@best`)).toBe(targetOf(`run:${first.id}@2`));
  expect(targetOf(`run:${first.id}@4`)).toBe(targetOf(`run:${first.id}`));
  // Other weights in the same place are another model.
  const before = targetOf(`run:${first.id}`);
  const weights = join(model, 'model.safetensors');
  const bytes = readFileSync(weights);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  writeFileSync(weights, bytes);
  expect(targetOf(`run:${first.id}`)).not.toBe(before);
});

test('a resumed run makes its model again where the cache was emptied, and clears away what was abandoned', async () => {
  stopAfter = 2;
  const stopped = await trained({ model_name_or_path: `run:${first.id}` });
  stopAfter = Infinity;
  expect(stopped.end.status).toBe('stopped');
  rmSync(join(app.home.cache, 'merged'), { recursive: true });
  const abandoned = join(app.home.cache, 'merged', partialName('x').replace(/partial-\d+/, 'partial-4194999'));
  mkdirSync(abandoned, { recursive: true });
  const records: JobRecord[] = [];
  const end = await resumeRun(app, stopped.id, (record) => void records.push(record)).ended;
  expect(end).toMatchObject({ status: 'completed', lastStep: 4 });
  expect(records.some((record) => record.type === 'progress' && record.phase === 'Merging the model')).toBe(true);
  expect(existsSync(abandoned)).toBe(false);

  // And an export of what stands on it.
  rmSync(join(app.home.cache, 'merged'), { recursive: true });
  const outputDir = join(folder, 'whole');
  await exportRun(app, { run: stopped.id, format: 'merged', outputDir, checkpoint: 'last', overwrite: false });
  expect(existsSync(join(outputDir, 'model.safetensors'))).toBe(true);
  const card = readFileSync(join(outputDir, 'README.md'), 'utf8');
  expect(card).toContain(`The run \`${first.id}\` (step 4) had been merged into it before.`);
  expect(card).toContain('![Loss by step](loss.png)');
  expect(card).toContain('| files | sft.jsonl |');
});

test('rows can be previewed before anything is merged', async () => {
  rmSync(join(app.home.cache, 'merged'), { recursive: true, force: true });
  const values = { ...plain, model_name_or_path: `run:${first.id}` };
  const request = { method: 'sft', values, workingDirectory: folder, rows: 1, onProgress: () => undefined } as const;
  expect(JSON.stringify(await previewRun(app, request))).toContain('im_start');
  expect(existsSync(join(app.home.cache, 'merged'))).toBe(false);
});

test('what cannot be chained is refused by name, and no run is left', async () => {
  const refused = (model_name_or_path: string, adapter_name_or_path?: string): UserError =>
    userErrorOf(() => chainRuns(app, { model_name_or_path, adapter_name_or_path }));
  expect(refused('run:nobody-here').code).toBe('run-not-found');
  expect(refused('run:').code).toBe('run-not-found');
  expect(refused(`run:${first.id}@3`).message).toContain('has no checkpoint 3');
  expect(refused(`run:${first.id}@3`).fix).toContain(`run:${first.id}@2, run:${first.id}@4`);
  expect(refused(`run:${first.id}`, `run:${first.id}`).code).toBe('chain-twice');
  expect(refused(model, 'run:nobody-here').code).toBe('run-not-found');

  const { runs } = app.history;
  const like = { ...findRun(app, first.id), createdAt: Date.now() };
  runs.insert({ ...like, id: 'still-training', name: undefined, host: thisProcess() });
  runs.update('still-training', { status: 'training' });
  expect(refused('run:still-training').message).toContain('is still training');
  expect(refused(model, 'run:still-training').commandLine).toContain('lorelei stop still-training');
  runs.insert({ ...like, id: 'never-saved', name: undefined, host: thisProcess() });
  runs.update('never-saved', { status: 'failed', host: null });
  expect(refused('run:never-saved').code).toBe('nothing-to-export');
  expect(readMergeOrder(runFolder(app, { id: 'never-saved' }))).toBeUndefined();

  const count = runs.list().length;
  await expect(trained({ model_name_or_path: 'run:never-saved' })).rejects.toThrow(/has no adapter/);
  await expect(trained({ model_name_or_path: showRun(app, first.id).outputDir })).rejects.toThrow(
    /holds a PEFT adapter/,
  );
  expect(runs.list()).toHaveLength(count);

  rmSync(model, { recursive: true });
  expect(refused(`run:${first.id}`).code).toBe('run-base-gone');
});
