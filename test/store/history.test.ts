import { cpSync, readdirSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UserError } from '../../main/errors.ts';
import { openHistory, type History } from '../../main/store/history.ts';
import { historyProblem } from '../../main/store/problems.ts';

const migrations = fileURLToPath(new URL('../../resources/migrations', import.meta.url));

let folder: string;
let file: string;
const open: History[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorelei-store-'));
  file = join(folder, 'lorelei.db');
});
afterEach(() => {
  for (const history of open.splice(0)) history.close();
  rmSync(folder, { recursive: true });
});

function history(): History {
  const opened = openHistory(file, migrations);
  open.push(opened);
  return opened;
}

function problemOf(action: () => unknown): UserError {
  try {
    action();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const run = (id: string, createdAt = 1) => ({
  id,
  method: 'sft',
  name: undefined,
  recipe: { learning_rate: 1e-4 },
  outputDir: '/out',
  createdAt,
  host: { pid: 7, identity: 'boot:7' },
});

test('a run is kept across processes and changes as told', () => {
  history().runs.insert(run('quiet-heron'));
  const again = history();
  expect(again.runs.get('quiet-heron')).toEqual({
    ...run('quiet-heron'),
    name: undefined,
    status: 'preparing',
    lastStep: 0,
    metrics: {},
    tags: [],
    notes: '',
  });
  again.runs.update('quiet-heron', {
    status: 'failed',
    endedAt: 5,
    lastLoss: 2.5,
    host: null,
    metrics: { train_loss: 3 },
    error: { code: 'loss-not-finite', message: 'NaN', fix: 'lower it' },
  });
  const changed = again.runs.get('quiet-heron');
  expect(changed).toMatchObject({ status: 'failed', endedAt: 5, lastLoss: 2.5, metrics: { train_loss: 3 } });
  expect(changed?.error?.code).toBe('loss-not-finite');
  expect(changed?.host).toBeUndefined();
  again.runs.update('quiet-heron', { error: null });
  expect(again.runs.get('quiet-heron')?.error).toBeUndefined();
});

test('runs are listed newest first and found by the beginning of their name', () => {
  const { runs } = history();
  runs.insert(run('quiet-heron', 1));
  runs.insert(run('quick-otter', 3));
  runs.insert(run('brave-owl', 2));
  expect(runs.list().map((one) => one.id)).toEqual(['quick-otter', 'brave-owl', 'quiet-heron']);
  expect(runs.startingWith('qui').map((one) => one.id)).toEqual(['quick-otter', 'quiet-heron']);
  expect(runs.startingWith('%')).toEqual([]);
});

test('metrics, events, checkpoints and exports belong to their run and go with it', () => {
  const store = history();
  store.runs.insert(run('a'));
  store.runs.insert(run('b'));
  const step = { step: 1, recordedAt: 10, loss: 2, stepMs: 5, tokensPerSecond: 100 };
  store.metrics.addStep('a', { ...step, logged: { loss: 2, epoch: 0.5 } });
  store.metrics.addStep('a', { ...step, step: 2, loss: Number.NaN });
  store.metrics.addStep('b', step);
  store.metrics.addEvaluation('a', { step: 2, recordedAt: 11, metrics: { eval_loss: 1.5 } });
  store.events.add('a', { recordedAt: 1, level: 'info', message: 'device: cpu' });
  store.events.add('a', { recordedAt: 2, step: 2, level: 'warning', message: 'late' });
  store.checkpoints.add('a', { step: 2, path: '/r/checkpoint-2', recordedAt: 3 });
  store.exports.add('a', { recordedAt: 4, target: 'peft', path: '/x' });

  expect(store.metrics.steps('a').map((one) => [one.step, one.loss, one.logged])).toEqual([
    [1, 2, { loss: 2, epoch: 0.5 }],
    [2, Number.NaN, undefined],
  ]);
  expect(store.metrics.steps('a', 2)).toHaveLength(1);
  expect(store.metrics.evaluations('a')).toEqual([{ step: 2, recordedAt: 11, metrics: { eval_loss: 1.5 } }]);
  expect(store.events.list('a')).toEqual([
    { recordedAt: 1, level: 'info', message: 'device: cpu' },
    { recordedAt: 2, step: 2, level: 'warning', message: 'late' },
  ]);
  expect(store.checkpoints.list('a')).toEqual([{ step: 2, path: '/r/checkpoint-2', recordedAt: 3 }]);
  expect(store.exports.list('a')).toEqual([{ recordedAt: 4, target: 'peft', path: '/x' }]);

  store.runs.remove('a');
  expect(store.metrics.steps('a')).toEqual([]);
  expect(store.events.list('a')).toEqual([]);
  expect(store.checkpoints.list('a')).toEqual([]);
  expect(store.exports.list('a')).toEqual([]);
  expect(store.metrics.steps('b')).toHaveLength(1);
});

test('steps after a resume replace those computed before', () => {
  const { runs, metrics } = history();
  runs.insert(run('a'));
  const step = { recordedAt: 1, loss: 1, stepMs: 1, tokensPerSecond: 1 };
  for (let i = 1; i <= 5; i += 1) metrics.addStep('a', { ...step, step: i });
  metrics.addEvaluation('a', { step: 5, recordedAt: 1, metrics: { eval_loss: 1 } });
  metrics.removeAfter('a', 3);
  metrics.addStep('a', { ...step, step: 3, loss: 9 });
  expect(metrics.steps('a').map((one) => one.loss)).toEqual([1, 1, 9]);
  expect(metrics.evaluations('a')).toEqual([]);
});

test('a transaction keeps all or nothing', () => {
  const store = history();
  store.runs.insert(run('a'));
  expect(() =>
    store.transaction(() => {
      store.runs.update('a', { lastStep: 4 });
      throw new Error('stop');
    }),
  ).toThrow('stop');
  expect(store.runs.get('a')?.lastStep).toBe(0);
});

test('100,000 steps are written and read within seconds', () => {
  const { runs, metrics, transaction } = history();
  runs.insert(run('a'));
  const logged = { loss: 1.25, grad_norm: 0.5, learning_rate: 2e-5, epoch: 0.1, num_tokens: 123456 };
  const started = performance.now();
  for (let batch = 0; batch < 100; batch += 1) {
    transaction(() => {
      for (let i = 0; i < 1000; i += 1) {
        metrics.addStep('a', { step: batch * 1000 + i, recordedAt: 1, loss: 1, stepMs: 1, tokensPerSecond: 1, logged });
      }
    });
  }
  expect(metrics.steps('a')).toHaveLength(100_000);
  // Takes about 1 s; the limit only catches a change of order (a scan per row, a sync per row).
  expect(performance.now() - started).toBeLessThan(10_000);
});

test('a database from a newer version is refused and left alone', () => {
  history();
  const database = new Database(file);
  database.pragma('user_version = 99');
  database.close();
  const problem = problemOf(history);
  expect(problem.code).toBe('history-too-new');
  expect(problem.message).toContain('99');
});

test('a damaged file is refused with the way out', () => {
  writeFileSync(file, 'this is no database, but it is long enough to be mistaken for one.'.repeat(50));
  const problem = problemOf(history);
  expect(problem.code).toBe('history-damaged');
  expect(problem.message).toContain(file);
});

test('a folder in place of the file is refused', () => {
  mkdirSync(file);
  expect(problemOf(history).code).toBe('home-not-writable');
});

test('what SQLite says is put in words a person can act on; other errors are left alone', () => {
  history();
  const database = new Database(file);
  database.pragma(`max_page_count = ${Number(database.pragma('page_count', { simple: true })) + 1}`);
  const fill = (): unknown => database.exec(`create table t (x); insert into t values (zeroblob(1000000))`);
  try {
    fill();
    expect.unreachable();
  } catch (error) {
    expect(historyProblem(error, file)).toMatchObject({ code: 'disk-full' });
  }
  database.close();
  expect(historyProblem(new Error('a bug'), file)).toBeUndefined();
});

test('a migration applies once, in its own order, or not at all', () => {
  const later = join(folder, 'migrations');
  cpSync(migrations, later, { recursive: true });
  const next = readdirSync(migrations).length + 1;
  const mood = join(later, `${String(next).padStart(3, '0')}-mood.sql`);
  history().runs.insert(run('a'));
  writeFileSync(mood, "alter table runs add column mood text default 'calm'; select broken;");
  expect(() => openHistory(file, later)).toThrow(/broken/);
  expect(history().runs.get('a')).toBeDefined(); // still the former layout: nothing of the broken file was kept
  writeFileSync(mood, "alter table runs add column mood text default 'calm';");
  openHistory(file, later).close();
  openHistory(file, later).close();
  const database = new Database(file);
  expect(database.prepare('select mood from runs').pluck().all()).toEqual(['calm']);
  expect(database.pragma('user_version', { simple: true })).toBe(next);
  database.close();
});
