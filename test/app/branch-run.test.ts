// Going on from a chosen checkpoint, with jobs that really train the starter model in this process: a new run begins
// there and the old one stays; the same recipe leads to the same bits.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answer } from '../../main/app/answer.ts';
import { openApp, runFolder, type App } from '../../main/app/app.ts';
import { resumeFrom } from '../../main/app/branch-run.ts';
import type { LaunchJob } from '../../main/app/job.ts';
import { keepQueueMoving } from '../../main/app/queue.ts';
import { showRun } from '../../main/app/show-runs.ts';
import { startRun } from '../../main/app/start-run.ts';
import { UserError } from '../../main/errors.ts';
import { openSampler } from '../../main/job/sampling.ts';
import { train } from '../../main/training/run.ts';
import type { JobRecord } from '../../preload/contract.ts';
import { tempFolder } from '../support/temp-folder.ts';

const resources = join(import.meta.dirname, '../../resources');
const folder = tempFolder();

/** Steps after which the job of the next run stops. */
let stopAfter = Infinity;

const inThisProcess: LaunchJob = (job, { onRecord }) => {
  let steps = 0;
  const post = (record: JobRecord): void => {
    if (record.type === 'step') steps++;
    onRecord(record);
  };
  const control = { post, stopRequested: () => steps >= stopAfter, signal: new AbortController().signal, openSampler };
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

const app: App = openApp({ launchJob: inThisProcess }, join(folder.path, 'home'));
afterAll(() => app.history.close());

const plain = {
  model_name_or_path: join(resources, 'starter-model'),
  dataset_name: join(resources, 'sample-data/sft.jsonl'),
  use_peft: true,
  lora_r: 4,
  lora_dropout: 0.1,
  max_steps: 8,
  per_device_train_batch_size: 2,
  learning_rate: 5e-3,
  lr_scheduler_type: 'constant',
  save_steps: 2,
  logging_steps: 3,
  test_split_size: 4,
  eval_strategy: 'steps',
  eval_steps: 4,
  sample_prompts: ['Once'],
  sample_steps: 4,
  sample_max_new_tokens: 4,
  device: 'cpu',
};
const workingDirectory = folder.path;
const onRecord = (): void => undefined;

async function run(values: Record<string, unknown> = {}, after = Infinity): Promise<string> {
  stopAfter = after;
  const session = await startRun(app, { method: 'sft', values: { ...plain, ...values }, workingDirectory, onRecord });
  await session.ended;
  stopAfter = Infinity;
  return session.runId;
}

async function goOn(from: string, asked: { checkpoint?: string; values?: Record<string, unknown> }): Promise<string> {
  const session = await resumeFrom(app, from, { ...asked, workingDirectory, onRecord });
  await session.ended;
  return session.runId;
}

const refusal = async (from: string, asked: Parameters<typeof goOn>[1]): Promise<string> =>
  resumeFrom(app, from, { ...asked, workingDirectory, onRecord }).then(
    () => 'not refused',
    (error: unknown) => (error instanceof UserError ? error.code : String(error)),
  );

const adapterOf = (id: string): Buffer => readFileSync(join(showRun(app, id).outputDir, 'adapter_model.safetensors'));

/** What was measured, without what depends on the machine. */
const measured = (id: string) => {
  const { losses, metrics, samples } = showRun(app, id);
  const exact = metrics.map(({ step, values }) => ({
    step,
    values: Object.fromEntries(Object.entries(values).filter(([key]) => !/runtime|per_second/.test(key))),
  }));
  return { losses, exact, samples };
};

/** Trained in one go. */
let whole: string;
beforeAll(async () => {
  whole = await run({ run_name: 'whole', output_dir: join(folder.path, 'given') });
});

test('from a middle checkpoint a new run leads to the same bits, and the old one keeps all it had', async () => {
  const before = { shown: showRun(app, whole), files: readdirSync(runFolder(app, { id: whole })) };
  const branch = await goOn(whole, { checkpoint: '4', values: { save_total_limit: 1 } });
  expect(branch).not.toBe(whole);
  expect(measured(branch)).toEqual(measured(whole));
  expect(measured(branch).samples.map(({ step }) => step)).toEqual([0, 4, 8]);
  expect(adapterOf(branch).equals(adapterOf(whole))).toBe(true);
  const shown = showRun(app, branch);
  expect(shown).toMatchObject({ status: 'completed', name: 'whole from step 4', step: 8 });
  expect(shown.outputDir).toBe(join(runFolder(app, shown), 'adapter'));
  expect(shown.events[0]).toMatchObject({
    step: 4,
    message: `From step 4 of ${whole}, which stays as it is.`,
  });
  // The branch has dropped its checkpoint of step 4, and that of the old run is still whole.
  expect(shown.checkpoints.map(({ step }) => step)).toEqual([8]);
  expect(showRun(app, whole)).toEqual(before.shown);
  expect(readdirSync(runFolder(app, { id: whole }))).toEqual(before.files);
});

test('a finished run is trained further as one that was longer from the beginning', async () => {
  const short = await run({ max_steps: 4 });
  expect(await refusal(short, { checkpoint: 'last' })).toBe('nothing-left-to-train');
  expect(await refusal(short, { values: { max_steps: 4 } })).toBe('nothing-left-to-train');
  const further = await goOn(short, { values: { max_steps: 8 } });
  expect(measured(further).losses).toEqual(measured(whole).losses);
  expect(adapterOf(further).equals(adapterOf(whole))).toBe(true);
  expect(showRun(app, further).events.map(({ message }) => message)).toContain('Resumed at step 4.');
});

test('a length in epochs replaces one in steps', async () => {
  const inSteps = await run({ max_steps: 2 });
  const rows = Number(showRun(app, inSteps).recipe.per_device_train_batch_size);
  const inEpochs = await goOn(inSteps, { values: { num_train_epochs: 0.01 * rows } });
  expect(showRun(app, inEpochs).recipe).toMatchObject({ max_steps: -1, num_train_epochs: 0.02 });
});

test('the run itself goes on where nothing came after the checkpoint', async () => {
  const stopped = await run({}, 5);
  expect(await goOn(stopped, { checkpoint: '5' })).toBe(stopped);
  expect(measured(stopped)).toEqual(measured(whole));
  expect(adapterOf(stopped).equals(adapterOf(whole))).toBe(true);
});

test('from an earlier checkpoint of a stopped run, a window queues the branch; a changed schedule takes effect', async () => {
  const stopped = await run({}, 5);
  const ask = (input: object) => answer(app, { command: 'run.resume', input: { id: stopped, ...input } });
  const asked = await ask({ checkpoint: '4', values: { lr_scheduler_type: 'linear' } });
  const { id } = (asked as { value: { id: string } }).value;
  const end = keepQueueMoving(app);
  await expect.poll(() => showRun(app, id).status, { timeout: 30_000 }).toBe('completed');
  end();
  const { losses, metrics } = showRun(app, id);
  expect(losses.slice(0, 4)).toEqual(showRun(app, stopped).losses.slice(0, 4));
  // Down to nothing over 8 steps: the sixth is taken with 3/8 of it.
  expect(metrics.find(({ step }) => step === 6)?.values.learning_rate).toBeCloseTo((3 / 8) * 5e-3, 12);
  expect(showRun(app, stopped)).toMatchObject({ status: 'stopped', step: 5 });
});

test('the best evaluation before the checkpoint goes along; where its checkpoint is gone, that is said', async () => {
  // What is best is turned round, for then it is the first evaluation.
  const best = { load_best_model_at_end: true, greater_is_better: true, eval_steps: 2, max_steps: 6 };
  const first = await run(best);
  const branch = await goOn(first, { checkpoint: '4' });
  expect(showRun(app, branch).events.at(-1)?.message).toMatch(/^The result is the adapter of step 2, /);
  expect(adapterOf(branch).equals(adapterOf(first))).toBe(true);
  rmSync(join(runFolder(app, { id: first }), 'checkpoint-2'), { recursive: true });
  expect(await refusal(first, { checkpoint: '4' })).toBe('best-checkpoint-gone');
});

test('what cannot be done is refused, and nothing is left of it', async () => {
  const known = app.history.runs.list().length;
  expect(await refusal(whole, { checkpoint: '3' })).toBe('checkpoint-not-found');
  expect(await refusal(whole, { checkpoint: '2', values: { lora_r: 8 } })).toBe('resume-key');
  expect(await refusal(whole, { checkpoint: '2', values: { learning_rate: 'fast' } })).toBe('recipe-value');
  expect(await refusal(whole, {})).toBe('run-completed');
  const unsaved = await run({ max_steps: 2, save_strategy: 'no' });
  expect(await refusal(unsaved, { values: { max_steps: 8 } })).toBe('checkpoint-not-found');
  expect(app.history.runs.list()).toHaveLength(known + 1);
});
