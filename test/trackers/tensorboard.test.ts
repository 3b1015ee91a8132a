import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { decodeEvent } from '../../main/trackers/event-schema.ts';
import { readTfRecords } from '../../main/trackers/tfrecord.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { evaluation, started, step, track, trackedRun, until } from './tracked-run.ts';

const temp = tempFolder();
let folder: string;
let count = 0;
beforeEach(() => {
  count += 1;
  folder = join(temp.path, `tensorboard-${count}`);
});

const names = ['tensorboard'];

type Event = {
  step?: number;
  file_version?: string;
  session_log?: object;
  summary?: { value: { tag: string; simple_value?: number; tensor?: { string_val: Uint8Array[] } }[] };
};

const eventsIn = (file: string): Event[] => readTfRecords(readFileSync(file)).map((data) => decodeEvent(data));

const scalarsIn = (file: string): unknown[][] =>
  eventsIn(file).flatMap(({ step: at = 0, summary }) =>
    (summary?.value ?? []).flatMap(({ tag, simple_value: value }) => (value === undefined ? [] : [[tag, value, at]])),
  );

const filesIn = (logs: string): string[] =>
  readdirSync(logs)
    .sort()
    .map((name) => join(logs, name));

test('writes where transformers would: below the output folder', async () => {
  const { reporter, told } = track(trackedRun(folder), { names, environment: {} });
  reporter.record(started());
  reporter.record(step(5, 2.5));
  reporter.record(evaluation(10));
  await reporter.end('completed');
  const [logs = ''] = readdirSync(join(folder, 'adapter/runs'));
  expect(logs).toMatch(new RegExp(`^[A-Z][a-z]{2}\\d\\d_\\d\\d-\\d\\d-\\d\\d_${hostname()}$`));
  const [file = ''] = filesIn(join(folder, 'adapter/runs', logs));
  expect(file).toMatch(/events\.out\.tfevents\.\d{10}\./);
  expect(scalarsIn(file)).toEqual([
    ['train/loss', 2.5, 5],
    ['train/epoch', 0.5, 5],
    ['eval/loss', 2, 10],
    ['train/epoch', 1, 10],
  ]);
  const [version, args] = eventsIn(file);
  expect(version?.file_version).toBe('brain.Event:2');
  const text = Buffer.from(args?.summary?.value[0]?.tensor?.string_val[0] ?? []).toString();
  expect(JSON.parse(text)).toMatchObject({ learning_rate: 2e-5, hub_token: '<HUB_TOKEN>' });
  expect(told).toEqual([{ message: `TensorBoard: writing to ${join(folder, 'adapter/runs', logs)}.`, level: 'info' }]);
});

test.each(['environment', 'recipe'])('the %s says another folder', async (where) => {
  const logs = join(folder, 'logs');
  const run = trackedRun(folder, { parameters: where === 'recipe' ? { logging_dir: logs } : {} });
  const environment: Record<string, string> = where === 'environment' ? { TENSORBOARD_LOGGING_DIR: logs } : {};
  const { reporter } = track(run, { names, environment });
  reporter.record(started());
  reporter.record(step(1));
  await reporter.end('completed');
  expect(filesIn(logs)).toHaveLength(1);
});

test('every row is on the disk at once, so that a crash loses none', async () => {
  const logs = join(folder, 'logs');
  const { reporter } = track(trackedRun(folder), { names, environment: { TENSORBOARD_LOGGING_DIR: logs } });
  reporter.record(started());
  for (const at of [1, 2, 3]) {
    reporter.record(step(at));
    await until(() => {
      const [file] = readdirSync(folder).includes('logs') ? filesIn(logs) : [];
      return file !== undefined && scalarsIn(file).length === 2 * at;
    });
  }
});

test('a resumed run writes into the same folder and takes back the steps that it repeats', async () => {
  const run = trackedRun(folder);
  for (const from of [0, 5]) {
    const { reporter } = track(run, { names, environment: {} });
    reporter.record(started(from));
    reporter.record(step(from + 1));
    await reporter.end('stopped');
  }
  const all = readdirSync(join(folder, 'adapter/runs'));
  expect(all).toHaveLength(1);
  const files = filesIn(join(folder, 'adapter/runs', all[0] ?? ''));
  expect(files).toHaveLength(2);
  expect(eventsIn(files[1] ?? '')[1]).toMatchObject({ step: 6, session_log: { status: 1 } });
});

test('a folder that cannot be made is told once', async () => {
  mkdirSync(folder);
  writeFileSync(join(folder, 'logs'), 'a file');
  const { reporter, told, saw } = track(trackedRun(folder), {
    names,
    environment: { TENSORBOARD_LOGGING_DIR: join(folder, 'logs', 'inner') },
  });
  reporter.record(started());
  for (let at = 1; at <= 20; at += 1) reporter.record(step(at));
  await saw('cannot be written');
  await reporter.end('completed');
  expect(told.map(({ level }) => level)).toEqual(['warning', 'warning']);
  expect(told[1]?.message).toBe('TensorBoard: 22 log rows are lost: neither the tracker nor the disk took them.');
});

test('a full disk: the run goes on, and the file is whole once there is space again', async ({ skip }) => {
  const disk = join(folder, 'disk');
  mkdirSync(disk, { recursive: true });
  const command = (...words: [string, ...string[]]): boolean => spawnSync(words[0], words.slice(1)).status === 0;
  if (!command('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk)) {
    skip('only root can mount a small disk here');
  }
  onTestFinished(() => void command('umount', disk));
  const filler = join(disk, 'filler');
  const { reporter, told, saw } = track(trackedRun(folder), { names, environment: { TENSORBOARD_LOGGING_DIR: disk } });
  reporter.record(started());
  await saw('writing to');
  writeFileSync(filler, Buffer.alloc(56 * 1024));
  for (let at = 1; at <= 300; at += 1) reporter.record(step(at));
  await saw('ENOSPC');
  rmSync(filler);
  await saw('works again');
  await reporter.end('completed');
  const [file = ''] = filesIn(disk);
  expect(scalarsIn(file)).toHaveLength(600);
  expect(told.map(({ level }) => level)).toEqual(['info', 'warning', 'info']);
});
