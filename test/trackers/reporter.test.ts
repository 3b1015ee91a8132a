// What a tracker does to a run: nothing, whatever happens to it.
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import { apiKey, cometAnswer, cometStub, type CometStub } from './comet-stub.ts';
import { quick, started, step, track, trackedRun, until } from './tracked-run.ts';

const temp = tempFolder();
let folder: string;
let count = 0;
let comet: CometStub;
beforeEach(async () => {
  comet = await cometStub();
  count += 1;
  folder = join(temp.path, `reporter-${count}`);
});
afterEach(() => comet.close());

const names = ['comet_ml'];
const environment = (): Record<string, string> => ({ COMET_API_KEY: apiKey, COMET_URL_OVERRIDE: comet.url });
const queue = (): string => join(folder, 'run/trackers/comet_ml.jsonl');

test('while a server never answers, a record takes microseconds, and the end is not held up', async () => {
  comet.answer = () => 'never';
  const { reporter, told } = track(trackedRun(folder), {
    names: ['comet_ml', 'mlflow', 'tensorboard'],
    environment: { ...environment(), MLFLOW_TRACKING_URI: comet.url },
    timing: { ...quick, requestMs: 60_000 },
    closeMs: 200,
  });
  reporter.record(started());
  await until(() => comet.asked.length >= 2);
  const times: number[] = [];
  for (let at = 1; at <= 2000; at += 1) {
    const from = performance.now();
    reporter.record(step(at));
    times.push(performance.now() - from);
  }
  times.sort((a, b) => a - b);
  // Three JSON texts of 100 bytes take some 5 µs; a request or a write on the way would take over 100 µs.
  expect(times[1000]).toBeLessThan(0.1);
  const from = performance.now();
  await reporter.end('completed');
  // 200 ms for the server, the rest for writing 2000 rows on a busy machine; a request would end after a minute.
  expect(performance.now() - from).toBeLessThan(2000);
  expect(readFileSync(queue(), 'utf8').trim().split('\n')).toHaveLength(2002);
  const warnings = told.filter(({ level }) => level === 'warning').map(({ message }) => message.split('.')[0]);
  expect(warnings.sort()).toEqual([
    'Comet: 2002 log rows are still to be sent',
    'MLflow: 2002 log rows are still to be sent',
  ]);
});

test('a server that is slow to answer is told once, not per step', async () => {
  comet.answer = () => 'never';
  const { reporter, told, saw } = track(trackedRun(folder), {
    names,
    environment: environment(),
    timing: { requestMs: 30, pauseMs: 5, longestPauseMs: 10 },
    closeMs: 50,
  });
  reporter.record(started());
  await saw('no answer within 0.03 s');
  for (let at = 1; at <= 100; at += 1) {
    reporter.record(step(at));
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  expect(comet.asked.length).toBeGreaterThan(3);
  expect(told).toHaveLength(1);
});

test('a network that comes and goes all the time does not fill the history', async () => {
  let asked = 0;
  comet.answer = (one) => (++asked % 3 === 0 ? { status: 503, body: 'busy' } : cometAnswer(one));
  const { reporter, told } = track(trackedRun(folder), {
    names,
    environment: environment(),
    timing: { requestMs: 500, pauseMs: 1, longestPauseMs: 1 },
  });
  reporter.record(started());
  for (let at = 1; at <= 100; at += 1) {
    reporter.record(step(at));
    if (at % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await until(() => comet.posted('metric').some((one) => one['step'] === 100));
  expect(told.filter(({ level }) => level === 'warning').length).toBeLessThanOrEqual(6);
});

test.skipIf(process.platform !== 'linux')('a disk that takes no queue: rows are sent from memory', async () => {
  const run = trackedRun(folder);
  mkdirSync(join(run.runDir, 'trackers'));
  // Every write to it fails with ENOSPC.
  symlinkSync('/dev/full', queue());
  const { reporter, told } = track(run, { names, environment: environment() });
  reporter.record(started());
  for (let at = 1; at <= 10; at += 1) reporter.record(step(at));
  await reporter.end('completed');
  expect(comet.posted('metric')).toHaveLength(20);
  expect(comet.posted('update-status').at(-1)).toMatchObject({ isAlive: false });
  expect(told.filter(({ level }) => level === 'warning').map(({ message }) => message)).toEqual([
    expect.stringContaining('its queue cannot be kept on the disk (ENOSPC'),
  ]);
});

test.skipIf(process.platform !== 'linux')(
  'neither disk nor network: memory is bounded and the loss is told',
  async () => {
    await comet.close();
    const run = trackedRun(folder);
    mkdirSync(join(run.runDir, 'trackers'));
    symlinkSync('/dev/full', queue());
    const { reporter, told, saw } = track(run, { names, environment: environment() });
    reporter.record(started());
    await saw('offline');
    for (let at = 1; at <= 12_000; at += 1) reporter.record(step(at));
    await reporter.end('completed');
    expect(told.at(-1)?.message).toBe('Comet: 12002 log rows are lost: neither the tracker nor the disk took them.');
  },
);

test('before the first step of training nothing is opened, written or sent', async () => {
  const run = trackedRun(folder);
  const { reporter, told } = track(run, { names: ['comet_ml', 'mlflow', 'tensorboard'], environment: environment() });
  reporter.record({ type: 'progress', phase: 'Tokenizing', done: 1 });
  reporter.record({ type: 'event', level: 'info', message: 'Device: CPU' });
  await reporter.end('failed');
  expect(comet.asked).toEqual([]);
  expect(existsSync(join(run.runDir, 'trackers'))).toBe(false);
  expect(existsSync(run.outputDir)).toBe(false);
  expect(told).toEqual([]);
});

test('steps that are not logged are not tracked', async () => {
  const { reporter } = track(trackedRun(folder), { names, environment: environment() });
  reporter.record(started());
  reporter.record({ type: 'step', step: 1, loss: 1, stepMs: 1, tokensPerSecond: 1 });
  reporter.record(step(2));
  await reporter.end('completed');
  expect(new Set(comet.posted('metric').map((one) => one['step']))).toEqual(new Set([2]));
});

test('a tracker that there is not here is told', async () => {
  const { reporter, told } = track(trackedRun(folder), { names: ['wandb'], environment: {} });
  reporter.record(started());
  await reporter.end('completed');
  expect(told).toEqual([
    {
      message: 'report_to: there is no tracker wandb here; there are comet_ml, mlflow, tensorboard.',
      level: 'warning',
    },
  ]);
});
