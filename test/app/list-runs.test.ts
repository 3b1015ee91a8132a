// What lists of runs are told: all of it once, then only what changed, fast with a long history.
import DatabaseConstructor from 'better-sqlite3';
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openApp, type App } from '../../main/app/app.ts';
import { thisProcess } from '../../main/app/process-identity.ts';
import { deleteRun, purgeDeleted, restoreRun } from '../../main/app/run-notes.ts';
import { changedRuns, listRuns } from '../../main/app/show-runs.ts';
import type { History } from '../../main/store/history.ts';
import { migrate } from '../../main/store/migrate.ts';
import { withChanges } from '../../renderer/state/run-changes.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const migrations = resolve('resources/migrations');

let homes = 0;
let app: App;
afterEach(() => app.history.close());

function open(home = join(folder.path, `home-${homes++}`)): App {
  const launchJob = () => {
    throw new Error('nothing is trained here');
  };
  return (app = openApp({ launchJob }, home));
}

function add(history: History, id: string, createdAt: number, recipe: Record<string, unknown> = {}): void {
  history.runs.insert({ id, method: 'sft', name: undefined, recipe, outputDir: `/adapters/${id}`, createdAt });
}

describe('changes', () => {
  test('only what changed is told again, and what was deleted is gone', () => {
    const { history } = open();
    add(history, 'a', 1, { model_name_or_path: '/models/Tiny', dataset_name: ['/d/a.jsonl', '/d/b.jsonl'] });
    add(history, 'b', 2, { model_name_or_path: '/models/Tiny', dataset_name: '/d/a.jsonl' });
    for (const id of ['a', 'b']) history.runs.update(id, { status: 'completed', endedAt: 10 });
    const first = changedRuns(app, 0);
    expect(first.runs.map(({ id, modelName, dataName }) => [id, modelName, dataName])).toEqual([
      ['a', 'Tiny', 'a.jsonl and 1 more'],
      ['b', 'Tiny', 'a.jsonl'],
    ]);
    expect(changedRuns(app, first.revision)).toMatchObject({ runs: [], gone: [] });

    history.runs.update('a', { tags: ['night'] });
    deleteRun(app, 'b');
    const second = changedRuns(app, first.revision);
    expect([second.runs.map(({ id, tags }) => [id, tags]), second.gone]).toEqual([[['a', ['night']]], ['b']]);
    restoreRun(app, 'b');
    const third = changedRuns(app, second.revision);
    expect([third.runs.map(({ id }) => id), third.gone]).toEqual([['b'], []]);
  });

  test('no change gets lost after the run that changed last was purged', () => {
    const { history } = open();
    add(history, 'a', 1);
    add(history, 'b', 2);
    for (const id of ['a', 'b']) history.runs.update(id, { status: 'completed' });
    deleteRun(app, 'b');
    const { revision } = changedRuns(app, 0);
    purgeDeleted(app, -1);
    history.runs.update('a', { notes: 'kept' });
    expect(changedRuns(app, revision).runs.map(({ id, hasNotes }) => [id, hasNotes])).toEqual([['a', true]]);
  });

  test('a run whose program died is told as interrupted, although nothing was written', () => {
    const { history } = open();
    add(history, 'a', 1);
    history.runs.update('a', { status: 'training', host: { ...thisProcess(), identity: 'of another boot' } });
    const { revision } = changedRuns(app, 0);
    expect(changedRuns(app, revision).runs.map(({ status }) => status)).toEqual(['interrupted']);
  });

  test('a run that trains says how long the rest takes', () => {
    const { history } = open();
    add(history, 'a', 1);
    history.runs.update('a', { status: 'training', host: thisProcess(), totalSteps: 100, lastStep: 40, startedAt: 1 });
    // The first steps are slow; the last twenty alternate between 1 and 3 seconds.
    for (let step = 1; step <= 40; step++) {
      const stepMs = step <= 20 ? 60_000 : step % 2 ? 1000 : 3000;
      history.metrics.addStep('a', { step, recordedAt: step, loss: 1, stepMs, tokensPerSecond: step <= 20 ? 1 : 500 });
    }
    expect(listRuns(app)[0]).toMatchObject({ remainingMs: 60 * 2000, tokensPerSecond: 500 });
    history.runs.update('a', { status: 'stopped' });
    expect(listRuns(app)[0]).toMatchObject({ remainingMs: null, tokensPerSecond: null });
  });

  test('a list takes changes over in the order of time', () => {
    const { history } = open();
    for (const [i, id] of ['a', 'b', 'c'].entries()) add(history, id, i);
    const all = listRuns(app);
    history.runs.update('b', { notes: 'n' });
    add(history, 'd', 9);
    const { runs } = changedRuns(app, 0);
    const merged = withChanges(
      all,
      runs.filter(({ id }) => 'bd'.includes(id)),
      ['c'],
    );
    expect(merged.map(({ id, hasNotes }) => [id, hasNotes])).toEqual([
      ['d', false],
      ['b', true],
      ['a', false],
    ]);
  });
});

test('a history of an earlier layout gets its names of models and data', () => {
  const home = join(folder.path, 'earlier');
  const earlier = join(folder.path, 'migrations');
  for (const path of [home, earlier]) mkdirSync(path);
  const names = readdirSync(migrations).filter((name) => name < '004');
  for (const name of names) copyFileSync(join(migrations, name), join(earlier, name));
  const old = new DatabaseConstructor(join(home, 'lorelei.db'));
  migrate(old, earlier);
  const insert = old.prepare(
    "insert into runs (id, method, status, recipe, output_dir, created_at) values (?, 'sft', 'completed', ?, '/', 1)",
  );
  insert.run('old', '{"model_name_or_path":"/models/Tiny","dataset_name":["/d/a.jsonl","/d/b.jsonl"]}');
  insert.run('bare', '{}');
  old.close();
  open(home);
  expect(listRuns(app).map(({ id, modelName, dataName }) => [id, modelName, dataName])).toEqual([
    ['bare', '', ''],
    ['old', 'Tiny', 'a.jsonl and 1 more'],
  ]);
});

test('of ten thousand runs, only what changed is told again', () => {
  const { history } = open();
  const keys = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`key_${i}`, i % 3 ? i : 'linear']));
  history.transaction(() => {
    for (let i = 0; i < 10_000; i++) {
      add(history, `run-${i}`, i, { ...keys, model_name_or_path: '/models/Tiny', dataset_name: '/d/a.jsonl' });
      history.runs.update(`run-${i}`, { status: 'completed', endedAt: i + 5, startedAt: i, lastStep: 3 });
    }
  });
  const runs = listRuns(app);
  expect(runs).toHaveLength(10_000);
  expect(runs[0]).toMatchObject({ id: 'run-9999', durationMs: 5, dataName: 'a.jsonl', modelName: 'Tiny' });
  const { revision } = changedRuns(app, 0);
  history.runs.update('run-17', { lastStep: 4 });
  expect(changedRuns(app, revision).runs.map(({ id, step }) => [id, step])).toEqual([['run-17', 4]]);
});
