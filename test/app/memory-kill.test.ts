// Jobs that the system ends for want of memory (test/support/fake-worker.ts ends itself the same way): their runs go on.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { openApp, type App } from '../../main/app/app.ts';
import type { RunEnd } from '../../main/app/follow-run.ts';
import { halvedOnceMore, watchMemoryKills } from '../../main/app/memory-kill.ts';
import { startRun } from '../../main/app/start-run.ts';
import { forkedJobs } from '../../main/hosts/cli/fork-job.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import type { Method } from '../../main/recipe/recipe.ts';
import type { JobSpec } from '../../main/training/job.ts';
import { writeModelStub } from '../support/model-stub.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const model = join(folder.path, 'model');
writeModelStub(model);
const data = folder.write('data.jsonl', '{"text":"x"}\n');
const launch = forkedJobs(fileURLToPath(new URL('../support/fake-worker.ts', import.meta.url)));

const apps: App[] = [];
afterEach(() => {
  for (const app of apps.splice(0)) app.history.close();
});

/** Trains with 4 rows a batch and a checkpoint every 5 of 20 steps. `counts`: the system tells of its kills. */
async function train(behaviour: string, { counts = true } = {}) {
  let kills = 7;
  const jobs: JobSpec[] = [];
  const app = openApp(
    {
      launchJob: (job, options) => {
        jobs.push(job);
        const handle = launch(job, options);
        void handle.exited.then(({ signal }) => (kills += signal === 'SIGKILL' ? 1 : 0));
        return handle;
      },
      memoryKills: () => (counts ? kills : 7),
    },
    join(folder.path, `home-${behaviour}-${counts}`),
  );
  apps.push(app);
  const values = {
    ...{ model_name_or_path: model, dataset_name: data, use_peft: true, run_name: behaviour },
    ...{ max_steps: 20, save_steps: 5, per_device_train_batch_size: 4 },
  };
  const session = await startRun(app, {
    method: 'sft',
    values,
    workingDirectory: folder.path,
    onRecord: () => undefined,
  });
  const end: RunEnd = await session.ended;
  const run = app.history.runs.get(session.runId);
  const warnings = app.history.events.list(session.runId).filter(({ level }) => level === 'warning');
  const steps = app.history.metrics.steps(session.runId).map(({ step }) => step);
  return { end, run, jobs, steps, warnings: warnings.map(({ step, message }) => ({ step, message })) };
}

test('a run goes on from its checkpoint with half the rows at once, and again with half of those', async () => {
  const { end, run, jobs, steps, warnings } = await train('runs-out');
  expect(end).toMatchObject({ status: 'completed', lastStep: 20 });
  expect(run).toMatchObject({ status: 'completed', lastStep: 20 });
  expect(jobs.map(({ halvings, resumeFrom }) => [halvings, resumeFrom?.slice(-12)])).toEqual([
    [undefined, undefined],
    [1, 'checkpoint-5'],
    [2, 'checkpoint-5'],
  ]);
  expect(warnings).toEqual([
    {
      step: 7,
      message:
        'Memory ran out, and the system ended the training process after step 7. The run goes on from its checkpoint at ' +
        'step 5 with at most 2 rows at once: the same mathematics, a little slower.',
    },
    {
      step: 7,
      message:
        'Memory ran out, and the system ended the training process after step 7. The run goes on from its checkpoint at ' +
        'step 5 with at most one row at once: the same mathematics, a little slower.',
    },
  ]);
  // What was computed twice is in the history once.
  expect(steps).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
});

test('where a single row is too much, the run is interrupted with what to do, and can be resumed', async () => {
  const { end, run, jobs } = await train('always-runs-out');
  expect(jobs).toHaveLength(3);
  expect(end).toMatchObject({ status: 'interrupted', lastStep: 7, checkpoint: { step: 5 } });
  expect(run?.error).toMatchObject({
    code: 'out-of-memory',
    message: expect.stringContaining('Memory ran out, and the system ended the training process of') as string,
    fix: expect.stringContaining('resume it: that continues from its checkpoint at step 5') as string,
  });
});

test('a job that something else has killed is not started again', async () => {
  const { end, jobs } = await train('always-runs-out', { counts: false });
  expect(jobs).toHaveLength(1);
  expect(end).toMatchObject({ status: 'interrupted', error: { code: 'job-died' } });
});

test('only a killed process of a system that counts ran out of memory', () => {
  let count: number | undefined = 1;
  const ranOut = watchMemoryKills(() => count);
  expect(ranOut({ code: null, signal: 'SIGKILL' })).toBe(false);
  count = 2;
  expect(ranOut({ code: null, signal: 'SIGKILL' })).toBe(true);
  expect(ranOut({ code: 137, signal: null })).toBe(true);
  expect(ranOut({ code: 1, signal: null })).toBe(false);
  expect(ranOut({ code: null, signal: 'SIGSEGV' })).toBe(false);
  count = undefined;
  expect(watchMemoryKills(() => count)({ code: null, signal: 'SIGKILL' })).toBe(false);
});

test.each([
  ['sft', { per_device_train_batch_size: 3 }, [1, 2, undefined]],
  // The reference is asked about 8 pairs at once.
  ['dpo', { per_device_train_batch_size: 1 }, [1, 2, 3, undefined]],
  ['dpo', { per_device_train_batch_size: 4, loss_type: ['aot'] }, [undefined]],
] as const)('%s %j is halved %j', (method, keys, expected) => {
  const { recipe } = parseRecipe<Method>(method, {
    model_name_or_path: 'm',
    dataset_name: 'd',
    use_peft: true,
    ...keys,
  });
  expect(expected.map((_, i) => halvedOnceMore(recipe, i))).toEqual(expected);
});
