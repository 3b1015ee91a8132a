import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UserError } from '../../main/errors.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { mlflowAnswer, mlflowStub, type MlflowStub } from './mlflow-stub.ts';
import { evaluation, started, step, track, trackedRun } from './tracked-run.ts';

const temp = tempFolder();
let folder: string;
let count = 0;
let mlflow: MlflowStub;
beforeEach(async () => {
  mlflow = await mlflowStub();
  count += 1;
  folder = join(temp.path, `mlflow-${count}`);
});
afterEach(() => mlflow.close());

const names = ['mlflow'];
const environment = (more: Record<string, string> = {}): Record<string, string> => ({
  MLFLOW_TRACKING_URI: `${mlflow.url}/`,
  ...more,
});

const logged = (what: 'params' | 'metrics'): Record<string, unknown>[] =>
  mlflow.posted('runs/log-batch').flatMap((body) => (body[what] ?? []) as Record<string, unknown>[]);

test('a run of the default experiment, with names as transformers logs them', async () => {
  const { reporter, told } = track(trackedRun(folder), { names, environment: environment() });
  reporter.record(started());
  reporter.record(step(5, 2.5));
  reporter.record(evaluation(10));
  await reporter.end('completed');
  expect(mlflow.posted('runs/create')).toMatchObject([{ experiment_id: '0', run_name: 'first try' }]);
  expect(Object.fromEntries(logged('params').map(({ key, value }) => [key, value]))).toEqual({
    learning_rate: '2e-05',
    use_peft: 'True',
    lora_target_modules: "['q_proj']",
    hub_token: '<HUB_TOKEN>',
  });
  expect(logged('metrics').map(({ key, value, step: at }) => [key, value, at])).toEqual([
    ['loss', 2.5, 5],
    ['epoch', 0.5, 5],
    ['eval_loss', 2, 10],
    ['epoch', 1, 10],
  ]);
  expect(mlflow.posted('runs/update').at(-1)).toMatchObject({ run_id: 'run1', status: 'FINISHED' });
  expect(told).toEqual([{ message: `MLflow: sending to the run run1 at ${mlflow.url}.`, level: 'info' }]);
  expect(existsSync(join(folder, 'run/trackers/mlflow.jsonl'))).toBe(false);
});

test.each([
  ['stopped', 'KILLED'],
  ['failed', 'FAILED'],
  ['interrupted', 'FAILED'],
] as const)('a run that %s is %s', async (status, shown) => {
  const { reporter } = track(trackedRun(folder), { names, environment: environment() });
  reporter.record(started());
  await reporter.end(status);
  expect(mlflow.posted('runs/update').at(-1)).toMatchObject({ status: shown });
});

test('an experiment that is not there is made; tags come from MLFLOW_TAGS', async () => {
  const { reporter } = track(trackedRun(folder), {
    names,
    environment: environment({ MLFLOW_EXPERIMENT_NAME: 'river', MLFLOW_TAGS: '{"team": "blue", "n": 1}' }),
  });
  reporter.record(started());
  await reporter.end('completed');
  expect(mlflow.posted('experiments/create')).toEqual([{ name: 'river' }]);
  const [created] = mlflow.posted('runs/create');
  expect(created).toMatchObject({ experiment_id: '7' });
  expect(created?.['tags']).toEqual(
    expect.arrayContaining([
      { key: 'team', value: 'blue' },
      { key: 'n', value: '1' },
      { key: 'mlflow.source.name', value: 'lorelei' },
      { key: 'lorelei.run', value: 'calm-otter' },
    ]),
  );
});

test('300 parameters and 3000 metrics go in pieces that MLflow takes', async () => {
  const parameters = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key_${i}`, i]));
  const { reporter, told } = track(trackedRun(folder, { parameters: { ...parameters, long: 'x'.repeat(6001) } }), {
    names,
    environment: environment(),
  });
  reporter.record(started());
  for (let at = 1; at <= 1500; at += 1) reporter.record(step(at));
  await reporter.end('completed');
  expect(logged('params')).toHaveLength(300);
  expect(logged('metrics')).toHaveLength(3000);
  expect(told.filter(({ level }) => level === 'warning').map(({ message }) => message)).toEqual([
    'MLflow: left out the parameter long is longer than 6000 characters.',
  ]);
});

test('a run whose creation was answered too late is found, not made twice', async () => {
  let creations = 0;
  mlflow.answer = (asked) => {
    if (asked.path.endsWith('runs/create')) {
      creations += 1;
      return 'never';
    }
    if (asked.path.endsWith('runs/search') && creations > 0)
      return { status: 200, body: { runs: [{ info: { run_id: 'run1' } }] } };
    return mlflowAnswer(asked);
  };
  const { reporter, saw } = track(trackedRun(folder), { names, environment: environment() });
  reporter.record(started());
  await saw('sending to the run run1');
  await reporter.end('completed');
  expect(creations).toBe(1);
  const [created] = mlflow.posted('runs/create');
  const key = (created?.['tags'] as { key: string; value: string }[]).find((tag) => tag.key === 'lorelei.key')?.value;
  expect(mlflow.posted('runs/search')[0]).toMatchObject({ filter: `tags."lorelei.key" = '${key ?? ''}'` });
});

test('a resumed run continues its MLflow run', async () => {
  const run = trackedRun(folder);
  for (const from of [0, 5]) {
    const { reporter } = track(run, { names, environment: environment() });
    reporter.record(started(from));
    await reporter.end(from === 0 ? 'stopped' : 'completed');
  }
  expect(mlflow.posted('runs/create')).toHaveLength(1);
  expect(logged('params')).toHaveLength(4);
  expect(mlflow.posted('runs/update').map(({ status }) => status)).toEqual(['KILLED', 'FINISHED']);
});

test.each([
  [{ MLFLOW_TRACKING_USERNAME: 'ada', MLFLOW_TRACKING_PASSWORD: 'pass' }, 'Basic YWRhOnBhc3M='],
  [{ MLFLOW_TRACKING_TOKEN: 'tok' }, 'Bearer tok'],
])('access with %o', async (access, header) => {
  const { reporter } = track(trackedRun(folder), { names, environment: environment(access) });
  reporter.record(started());
  await reporter.end('completed');
  expect(new Set(mlflow.asked.map(({ headers }) => headers['authorization']))).toEqual(new Set([header]));
});

test('a keychain that cannot be asked stops nothing where no access is needed, and is told where one is', async () => {
  const readSecret = (): never => {
    throw new UserError({ code: 'keychain-unavailable', message: 'The keychain is locked.', fix: 'Unlock it.' });
  };
  const open = track(trackedRun(folder), { names, environment: environment(), readSecret });
  open.reporter.record(started());
  await open.reporter.end('completed');
  expect(open.told.map(({ message }) => message).join(' ')).not.toContain('keychain');
  expect(mlflow.posted('runs/update').at(-1)).toMatchObject({ status: 'FINISHED' });

  mlflow.answer = () => ({ status: 401, body: { message: 'log in' } });
  const run = trackedRun(join(folder, 'protected'));
  const closed = track(run, { names, environment: environment(), readSecret });
  closed.reporter.record(started());
  await closed.saw('access was refused (401: log in). The keychain is locked. Set MLFLOW_TRACKING_TOKEN');
});

test('an address that is none is told', async () => {
  const { reporter, told } = track(trackedRun(folder), {
    names,
    environment: { MLFLOW_TRACKING_URI: 'sqlite:///mlflow.db' },
  });
  reporter.record(started());
  await reporter.end('completed');
  expect(told[0]?.message).toContain('MLFLOW_TRACKING_URI is sqlite:///mlflow.db, which is no address of a server');
});

test('a server that answers in HTML, as the login page of a network does, is taken for offline', async () => {
  mlflow.answer = () => ({ status: 200, body: '<html>Please log in</html>' });
  const { reporter, saw } = track(trackedRun(folder), { names, environment: environment() });
  reporter.record(started());
  await saw('answers, but not in JSON');
  mlflow.answer = mlflowAnswer;
  await saw('online again');
  await reporter.end('completed');
  expect(mlflow.posted('runs/update').at(-1)).toMatchObject({ status: 'FINISHED' });
});
