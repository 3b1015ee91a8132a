// Runs that wait for their turn, with jobs that train nothing (test/support/fake-worker.ts), as windows ask for them.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import type { AppEvent, CommandInput, CommandName, CommandOutput } from '../../preload/contract.ts';
import { answer } from '../../main/app/answer.ts';
import { openApp, runFolder, type App } from '../../main/app/app.ts';
import { keepQueueMoving, stopFollowedRuns } from '../../main/app/queue.ts';
import { knownProcess } from '../../main/app/process-identity.ts';
import { purgeDeleted } from '../../main/app/run-notes.ts';
import { forkedJobs } from '../../main/hosts/cli/fork-job.ts';
import { writeModelStub } from '../support/model-stub.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const model = join(folder.path, 'model');
writeModelStub(model);
const data = folder.write('data.jsonl', '{"text":"x"}\n');
const worker = fileURLToPath(new URL('../support/fake-worker.ts', import.meta.url));

let ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.reverse()) end();
  ends = [];
});

let homes = 0;
/** An app with a home of its own, or one more host on the home of another. */
function open({ home = join(folder.path, `home-${homes++}`), moving = true } = {}): App {
  const app = openApp({ launchJob: forkedJobs(worker) }, home);
  app.grants.grant([folder.path]);
  ends.push(() => app.history.close());
  if (moving) ends.push(keepQueueMoving(app));
  return app;
}

async function ask<C extends CommandName>(app: App, command: C, input: CommandInput<C>): Promise<CommandOutput<C>> {
  const result = await answer(app, { command, input });
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
  return result.value as CommandOutput<C>;
}

const start = async (app: App, keys: Record<string, string | number> = {}): Promise<string> => {
  const values = { model_name_or_path: model, dataset_name: data, max_steps: 20, use_peft: true, ...keys };
  return (await ask(app, 'run.start', { method: 'sft', values })).id;
};

const statusOf = async (app: App, id: string) => (await ask(app, 'run.show', { id })).status;
const until = (app: App, id: string, status: string) =>
  vi.waitFor(async () => expect(await statusOf(app, id)).toBe(status), { timeout: 20_000, interval: 50 });

test('runs take turns in the order of the queue, which can be changed', async () => {
  const app = open();
  const first = await start(app, { max_steps: 100_000, weight_decay: 5 });
  const [second, third] = [await start(app), await start(app)];
  await until(app, first, 'training');
  const places = async () => (await ask(app, 'runs.list', {})).map(({ id, queuePlace }) => [id, queuePlace]);
  expect(await places()).toEqual([
    [third, 2],
    [second, 1],
    [first, null],
  ]);
  await ask(app, 'queue.move', { id: third, to: 0 });
  await ask(app, 'run.stop', { id: first });
  await until(app, second, 'completed');
  expect(await statusOf(app, first)).toBe('stopped');
  const [a, b] = await Promise.all([third, second].map((id) => ask(app, 'run.show', { id })));
  expect(a?.createdAt).toBeGreaterThanOrEqual(b?.createdAt ?? 0);
  expect(app.history.runs.get(third)?.startedAt).toBeLessThanOrEqual(app.history.runs.get(second)?.startedAt ?? 0);
});

test('what a job says reaches windows in gathered pieces', async () => {
  const app = open();
  const events: AppEvent[] = [];
  ends.push(app.listen((event) => events.push(event)));
  const id = await start(app, { max_steps: 300 });
  await until(app, id, 'completed');
  const pieces = events.filter((event) => event.type === 'run-records');
  const steps = pieces.flatMap(({ records }) => records).filter(({ type }) => type === 'step');
  expect(steps).toHaveLength(300);
  expect(pieces.length).toBeLessThan(60);
});

test('a waiting run can be taken out, and a stopped one goes on from its checkpoint', async () => {
  const app = open();
  const first = await start(app, { max_steps: 100_000, weight_decay: 5, save_steps: 1000 });
  const second = await start(app);
  await ask(app, 'run.stop', { id: second });
  expect(await statusOf(app, second)).toBe('stopped');
  await until(app, first, 'training');
  await vi.waitFor(async () => expect((await ask(app, 'run.show', { id: first })).step).toBeGreaterThan(3));
  await ask(app, 'run.stop', { id: first });
  await until(app, first, 'stopped');
  const stoppedAt = (await ask(app, 'run.show', { id: first })).step;
  await ask(app, 'run.resume', { id: first });
  await until(app, first, 'training');
  const { events } = await ask(app, 'run.show', { id: first });
  expect(events.map(({ message }) => message)).toContain(`Resuming from the checkpoint at step ${stoppedAt}.`);
  await ask(app, 'run.kill', { id: first });
  await until(app, first, 'interrupted');
});

test('a run whose job refuses it stays to be read, and the next one starts', async () => {
  const app = open();
  const refused = await start(app, { run_name: 'refused' });
  const next = await start(app);
  await until(app, next, 'completed');
  const shown = await ask(app, 'run.show', { id: refused });
  expect([shown.status, shown.error?.code]).toEqual(['failed', 'dataset-empty']);
});

test('a run that cannot be started does not block the queue', async () => {
  const app = open({ moving: false });
  const blocker = await start(app, { max_steps: 100_000, weight_decay: 5 });
  const broken = await start(app);
  const next = await start(app);
  // Its folder vanishes while it waits.
  await rm(runFolder(app, { id: broken }), { recursive: true });
  await ask(app, 'run.stop', { id: blocker });
  await until(app, next, 'completed');
  expect((await ask(app, 'run.show', { id: broken })).error?.code).toBe('run-folder-missing');
});

test('a run waits until its former process has saved, and goes on then', async () => {
  const app = open();
  const id = await start(app, { max_steps: 100_000, weight_decay: 5, save_steps: 10 });
  await until(app, id, 'training');
  await vi.waitFor(async () => expect((await ask(app, 'run.show', { id })).step).toBeGreaterThan(20));
  await ask(app, 'run.kill', { id });
  await until(app, id, 'interrupted');
  // A process that lives, as the job does that outlives its host by one step.
  const saving = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
  app.history.runs.update(id, { job: knownProcess(saving.pid ?? 0) });
  await ask(app, 'run.resume', { id });
  expect(await statusOf(app, id)).toBe('queued');
  saving.kill();
  await until(app, id, 'training');
  await ask(app, 'run.kill', { id });
  await until(app, id, 'interrupted');
});

test('a queue outlives its host, and of two hosts one starts a run', async () => {
  const home = join(folder.path, 'shared-home');
  const before = open({ home, moving: false });
  const first = await start(before, { max_steps: 60, weight_decay: 5 });
  const waiting = await start(before);
  await until(before, first, 'training');
  const one = open({ home });
  const other = open({ home });
  await until(one, waiting, 'completed');
  const starts = other.history.metrics.steps(waiting).map(({ step }) => step);
  expect(starts).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(one.history.events.list(waiting).filter(({ message }) => message.startsWith('Device'))).toHaveLength(1);
});

test('a run that waits writes over nothing that came into its folder meanwhile', async () => {
  const app = open();
  const blocker = await start(app, { max_steps: 100_000, weight_decay: 5 });
  const outputDir = join(folder.path, 'waited-for');
  const waiting = await start(app, { output_dir: outputDir });
  await expect(start(app, { output_dir: outputDir })).rejects.toThrow('output-in-use');
  folder.write('waited-for/adapter_config.json', 'of another');
  await until(app, blocker, 'training');
  await ask(app, 'run.stop', { id: blocker });
  await until(app, waiting, 'failed');
  expect(readFileSync(join(outputDir, 'adapter_config.json'), 'utf8')).toBe('of another');
});

test('a refused request leaves nothing behind', async () => {
  const app = open();
  const refusals: [Record<string, string | number>, string][] = [
    [{ learning_rat: 1 }, 'recipe-unknown-key'],
    [{ dataset_name: join(folder.path, 'nowhere.jsonl') }, 'dataset-not-found'],
  ];
  for (const [keys, code] of refusals) await expect(start(app, keys)).rejects.toThrow(code);
  await expect(ask(app, 'run.start', { method: 'ppo', values: {} })).rejects.toThrow('method-unknown');
  expect(await ask(app, 'runs.list', {})).toEqual([]);
});

test('a deleted run can be brought back until it is purged; folders of the user stay', async () => {
  const app = open();
  const outputDir = join(folder.path, 'my-adapter');
  const id = await start(app, { output_dir: outputDir });
  await until(app, id, 'completed');
  await ask(app, 'run.change', { id, name: ' Otter ', tags: [' night', 'night', ''], notes: 'good' });
  await ask(app, 'run.delete', { id });
  expect(await ask(app, 'runs.list', {})).toEqual([]);
  await expect(ask(app, 'run.show', { id })).rejects.toThrow('run-not-found');
  purgeDeleted(app);
  await ask(app, 'run.restore', { id });
  expect((await ask(app, 'runs.list', {}))[0]).toMatchObject({ id, name: 'Otter', tags: ['night'], hasNotes: true });
  await ask(app, 'run.delete', { id });
  purgeDeleted(app, -1);
  await expect(ask(app, 'run.restore', { id })).rejects.toThrow('run-purged');
  expect([existsSync(runFolder(app, { id })), existsSync(outputDir)]).toEqual([false, true]);
});

test('a run that trains or waits is not deleted', async () => {
  const app = open();
  const first = await start(app, { max_steps: 100_000, weight_decay: 5 });
  const second = await start(app);
  await until(app, first, 'training');
  for (const id of [first, second]) await expect(ask(app, 'run.delete', { id })).rejects.toThrow('run-under-way');
  await ask(app, 'run.stop', { id: second });
  await ask(app, 'run.kill', { id: first });
  await until(app, first, 'interrupted');
});

test('a program that ends saves its run and does not begin the one that waits', async () => {
  const home = join(folder.path, 'leaving');
  const app = open({ home });
  const first = await start(app, { max_steps: 100_000, weight_decay: 5 });
  const waiting = await start(app);
  await until(app, first, 'training');
  await stopFollowedRuns(app);
  expect(await statusOf(app, first)).toBe('stopped');
  // It looks every second whether the next one can start.
  await sleep(1300);
  expect(await statusOf(app, waiting)).toBe('queued');
  // The next program begins it.
  await until(open({ home }), waiting, 'completed');
});
