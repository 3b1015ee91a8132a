import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sendLeftOver, trackersLeftOver } from '../../main/trackers/left-over.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { apiKey, cometAnswer, cometStub, type CometStub } from './comet-stub.ts';
import { evaluation, quick, started, step, track, trackedRun, until } from './tracked-run.ts';

const temp = tempFolder();
let folder: string;
let count = 0;
let comet: CometStub;
beforeEach(async () => {
  comet = await cometStub();
  count += 1;
  folder = join(temp.path, `comet-${count}`);
});
afterEach(() => comet.close());

const environment = (): Record<string, string> => ({ COMET_API_KEY: apiKey, COMET_URL_OVERRIDE: comet.url });
const names = ['comet_ml'];
const queue = (): string => join(folder, 'run/trackers/comet_ml.jsonl');

const metrics = (): unknown[][] =>
  comet
    .posted('metric')
    .map(({ metricName, metricValue, step: at, epoch }) => [metricName, metricValue, at, epoch])
    .sort();

test('a run becomes an experiment with parameters, metrics and a status', async () => {
  const { reporter, told } = track(trackedRun(folder), { names, environment: environment() });
  reporter.record(started());
  reporter.record(step(5, 2.5));
  reporter.record(evaluation(10));
  await reporter.end('completed');

  expect(comet.posted('create')).toEqual([
    { workspaceName: 'ada-space', projectName: 'general', experimentName: 'first try' },
  ]);
  expect(
    Object.fromEntries(comet.posted('parameter').map((one) => [one['parameterName'], one['parameterValue']])),
  ).toEqual({
    'args|learning_rate': '2e-05',
    'args|use_peft': 'True',
    'args|lora_target_modules': "['q_proj']",
    'args|hub_token': '<HUB_TOKEN>',
  });
  expect(metrics()).toEqual([
    ['eval/loss', 2, 10, 1],
    ['train/epoch', 0.5, 5, 0],
    ['train/epoch', 1, 10, 1],
    ['train/loss', 2.5, 5, 0],
  ]);
  expect(comet.posted('update-status').map(({ isAlive, hasCrashed }) => [isAlive, hasCrashed])).toEqual([
    [true, false],
    [false, false],
  ]);
  expect(comet.posted('set-start-end-time')).toHaveLength(1);
  expect(told).toEqual([{ message: 'Comet: sending to https://comet/exp1.', level: 'info' }]);
  expect(existsSync(queue())).toBe(false);
});

test.each([
  ['failed', true],
  ['interrupted', true],
  ['stopped', false],
] as const)('a run that %s has crashed: %s', async (status, hasCrashed) => {
  const { reporter } = track(trackedRun(folder), { names, environment: environment() });
  reporter.record(started());
  await reporter.end(status);
  expect(comet.posted('update-status').at(-1)).toMatchObject({ isAlive: false, hasCrashed });
});

test('workspace and project come from the environment', async () => {
  const where = { COMET_WORKSPACE: 'team', COMET_PROJECT_NAME: 'lora' };
  const { reporter } = track(trackedRun(folder), { names, environment: { ...environment(), ...where } });
  reporter.record(started());
  await reporter.end('completed');
  expect(comet.posted('create')[0]).toMatchObject({ workspaceName: 'team', projectName: 'lora' });
});

test('a resumed run continues its experiment and sends parameters once', async () => {
  const run = trackedRun(folder);
  for (const [from, status] of [
    [0, 'stopped'],
    [5, 'completed'],
  ] as const) {
    const { reporter } = track(run, { names, environment: environment() });
    reporter.record(started(from));
    reporter.record(step(from + 5));
    await reporter.end(status);
  }
  expect(comet.posted('create')).toHaveLength(1);
  expect(comet.posted('parameter')).toHaveLength(4);
  expect(comet.posted('metric').map((one) => one['step'])).toEqual([5, 5, 10, 10]);
});

test('COMET_EXPERIMENT_KEY continues that experiment', async () => {
  const { reporter } = track(trackedRun(folder), {
    names,
    environment: { ...environment(), COMET_EXPERIMENT_KEY: 'given' },
  });
  reporter.record(started());
  reporter.record(step(1));
  await reporter.end('completed');
  expect(comet.posted('create')).toEqual([]);
  expect(new Set(comet.posted('metric').map((one) => one['experimentKey']))).toEqual(new Set(['given']));
});

test('offline, rows wait on the disk and are sent when the network is back, all of them and in order', async () => {
  await comet.close();
  const { reporter, told, saw } = track(trackedRun(folder), { names, environment: environment() });
  reporter.record(started());
  for (let at = 1; at <= 20; at += 1) reporter.record(step(at));
  await saw('offline');
  await until(() => existsSync(queue()) && readFileSync(queue(), 'utf8').split('\n').length === 22);
  await comet.listen();
  await saw('online again');
  await reporter.end('completed');
  const losses = comet.posted('metric').filter((one) => one['metricName'] === 'train/loss');
  expect(losses.map((one) => one['step'])).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(told.filter(({ level }) => level === 'warning')).toHaveLength(1);
});

test('what is still queued at the end is sent by the next process', async () => {
  await comet.close();
  const run = trackedRun(folder);
  const { reporter, told } = track(run, { names, environment: environment() });
  reporter.record(started());
  for (let at = 1; at <= 20; at += 1) reporter.record(step(at));
  await reporter.end('completed');
  expect(told.at(-1)?.message).toBe(`Comet: 22 log rows are still to be sent. They wait in ${queue()}.`);

  await comet.listen();
  const [target] = await trackersLeftOver(run.runDir);
  if (target === undefined) throw new Error('nothing is left over');
  const options = { environment: environment(), readSecret: () => apiKey, timing: quick };
  expect(await sendLeftOver(run, target, 'completed', options)).toEqual({ sent: 22, waiting: 0 });
  expect(comet.posted('metric')).toHaveLength(40);
  expect(comet.posted('update-status').at(-1)).toMatchObject({ isAlive: false, hasCrashed: false });
  expect(await trackersLeftOver(run.runDir)).toEqual([]);
});

test('a process that died mid-way leaves a queue whose torn last line costs nothing else', async () => {
  const run = trackedRun(folder);
  const row = (at: number): string =>
    JSON.stringify({ type: 'metrics', at: 1.7e12, step: at, metrics: { loss: 'NaN', x: at } });
  temp.write(`comet-${count}/run/trackers/comet_ml.jsonl`, `${row(1)}\n${row(2)}\n${row(3).slice(0, 20)}`);
  const [target] = await trackersLeftOver(run.runDir);
  if (target === undefined) throw new Error('nothing is left over');
  const options = { environment: environment(), readSecret: () => apiKey, timing: quick };
  expect(await sendLeftOver(run, target, 'interrupted', options)).toEqual({ sent: 3, waiting: 0 });
  // NaN is no JSON: it is left out.
  expect(metrics()).toEqual([
    ['train/x', 1, 1, undefined],
    ['train/x', 2, 2, undefined],
  ]);
  expect(comet.posted('update-status').at(-1)).toMatchObject({ isAlive: false, hasCrashed: true });
});

test.each([
  ['is missing', '', 'there is no API key. Set COMET_API_KEY'],
  ['is wrong', 'WrongKey', 'access was refused (401: unknown API key ***)'],
  ['cannot be a header', 'Wrong\nKey', 'characters that no key has'],
])('a key that %s is told once; the rows stay on the disk', async (_, key, words) => {
  const { reporter, told, saw } = track(trackedRun(folder), {
    names,
    environment: { ...environment(), COMET_API_KEY: key },
  });
  reporter.record(started());
  await saw(words);
  for (let at = 1; at <= 50; at += 1) reporter.record(step(at));
  await reporter.end('completed');
  expect(told.map(({ level }) => level)).toEqual(['warning', 'warning']);
  expect(told[1]?.message).toContain('52 log rows are still to be sent');
  expect(readFileSync(queue(), 'utf8').trim().split('\n')).toHaveLength(52);
  if (key !== '') expect(JSON.stringify(told)).not.toContain(key);
});

// The second is cut where the key stands.
test.each([0, 185])('the key is nowhere but in the header, %i characters into an error', async (places) => {
  comet.answer = (asked) =>
    asked.path.endsWith('/metric')
      ? { status: 500, body: `${'x'.repeat(places)} ${apiKey} met an error` }
      : cometAnswer(asked);
  const { reporter, told, saw } = track(trackedRun(folder), { names, environment: environment() });
  reporter.record(started());
  reporter.record(step(1));
  await saw('offline');
  await reporter.end('failed');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  expect(files.length).toBeGreaterThan(1);
  for (const file of files) expect(readFileSync(join(file.parentPath, file.name), 'utf8')).not.toContain(apiKey);
  expect(JSON.stringify(told)).not.toContain(apiKey.slice(0, 8));
  expect(comet.asked.every(({ path, query }) => !`${path}${JSON.stringify(query)}`.includes(apiKey))).toBe(true);
});

test('a value that Comet does not take holds up no other, and is told once', async () => {
  comet.answer = (asked) =>
    asked.path.endsWith('/metric') && (asked.body as { metricName: string }).metricName === 'train/epoch'
      ? { status: 400, body: { msg: 'no such metric' } }
      : cometAnswer(asked);
  const { reporter, told } = track(trackedRun(folder), { names, environment: environment() });
  reporter.record(started());
  for (let at = 1; at <= 3; at += 1) reporter.record(step(at));
  await reporter.end('completed');
  expect(comet.posted('metric').filter((one) => one['metricName'] === 'train/loss')).toHaveLength(3);
  expect(told.filter(({ level }) => level === 'warning').map(({ message }) => message)).toEqual([
    'Comet: left out train/epoch: the server does not take it (400: no such metric).',
    'Comet: left out 3 pieces of the log in all.',
  ]);
});

test('COMET_START_ONLINE=0 sends nothing and keeps everything', async () => {
  const { reporter } = track(trackedRun(folder), { names, environment: { ...environment(), COMET_START_ONLINE: '0' } });
  reporter.record(started());
  reporter.record(step(1));
  await reporter.end('completed');
  expect(comet.asked).toEqual([]);
  expect(readFileSync(queue(), 'utf8').trim().split('\n')).toHaveLength(3);
});

test('a key of an own installation carries its address', async () => {
  const own = `abc*${Buffer.from(JSON.stringify({ baseUrl: `${comet.url}/` })).toString('base64')}`;
  const { reporter, saw } = track(trackedRun(folder), { names, environment: { COMET_API_KEY: own } });
  reporter.record(started());
  await saw('access was refused');
  expect(comet.asked[0]?.headers['authorization']).toBe(own);
});
