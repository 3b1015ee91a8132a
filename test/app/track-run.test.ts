// A run of the history whose recipe names a tracker: its states become events, and what could not be sent is sent later.
import { mkdirSync, mkdtempSync, rmSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JobRecord } from '../../preload/contract.ts';
import { openApp, runFolder, type App } from '../../main/app/app.ts';
import { followRun, type RunEnd } from '../../main/app/follow-run.ts';
import { UserError } from '../../main/errors.ts';
import { thisProcess } from '../../main/app/process-identity.ts';
import { sendQueued } from '../../main/app/send-queued.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import { storeOf } from '../support/secret-store.ts';
import { writeModelStub } from '../support/model-stub.ts';
import { apiKey, cometAnswer, cometStub, type CometStub } from '../trackers/comet-stub.ts';
import { evaluation, started, step } from '../trackers/tracked-run.ts';

let folder: string;
let app: App;
let comet: CometStub;
let records: JobRecord[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lorelei-track-'));
  comet = await cometStub();
  process.env['COMET_URL_OVERRIDE'] = comet.url;
  writeModelStub(join(folder, 'model'));
  app = openApp(
    {
      secretStore: storeOf({ COMET_API_KEY: apiKey }),
      launchJob: (_job, { onRecord }) => ({
        spawned: Promise.resolve(undefined),
        stop: () => undefined,
        kill: () => undefined,
        exited: Promise.resolve().then(() => {
          for (const record of records) onRecord(record);
          return { code: 0, signal: null };
        }),
      }),
    },
    join(folder, 'home'),
  );
});
afterEach(async () => {
  delete process.env['COMET_URL_OVERRIDE'];
  await comet.close();
  app.history.close();
  rmSync(folder, { recursive: true });
});

const end: JobRecord = { type: 'end', status: 'completed', outputDir: '', metrics: {} };

async function follow(id: string, trackers: string[]): Promise<RunEnd> {
  const { recipe } = parseRecipe('sft', { model_name_or_path: join(folder, 'model'), dataset_name: 'd.jsonl' });
  const outputDir = join(folder, 'adapter');
  const run = { id, method: 'sft', name: undefined, outputDir, createdAt: Date.now(), host: thisProcess() };
  app.history.runs.insert({ ...run, recipe: { ...recipe, report_to: trackers } });
  const runDir = runFolder(app, run);
  mkdirSync(runDir, { recursive: true });
  const job = { runId: id, runDir, outputDir, recipe, cacheDir: app.home.cache };
  return followRun(app, { run, job, onRecord: () => undefined, isNew: true }).ended;
}

const events = (id: string): string[] => app.history.events.list(id).map(({ message }) => message);

test('trackers get the log, and their states are events', async () => {
  records = [started(), step(5), evaluation(10), end];
  const { status } = await follow('calm-otter', ['comet_ml', 'tensorboard']);
  expect(status).toBe('completed');
  expect(comet.posted('metric')).toHaveLength(4);
  expect(comet.posted('log-other')).toContainEqual(expect.objectContaining({ key: 'Model', value: 'model' }));
  expect(readdirSync(join(folder, 'adapter/runs'))).toHaveLength(1);
  expect(events('calm-otter')).toEqual(
    expect.arrayContaining([
      'Comet: sending to https://comet/exp1.',
      expect.stringContaining('TensorBoard: writing to'),
    ]),
  );
});

test('a key of the keychain is written nowhere, also when the server repeats it', async () => {
  records = [started(), step(5), end];
  await follow('calm-otter', ['comet_ml']);
  comet.answer = () => ({ status: 401, body: { msg: `unknown API key ${apiKey}` } });
  await follow('quiet-heron', ['comet_ml']);
  expect(events('quiet-heron').join(' ')).toContain('access was refused (401: unknown API key ***)');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  expect(files.map(({ name }) => name)).toEqual(expect.arrayContaining(['lorelei.db', 'comet_ml.jsonl']));
  for (const file of files) expect(readFileSync(join(file.parentPath, file.name)).includes(apiKey)).toBe(false);
});

test('a keychain that cannot be asked is an event, and the log waits', async () => {
  records = [started(), step(5), end];
  const locked = new UserError({ code: 'keychain-unavailable', message: 'The keychain is locked.', fix: 'Unlock it.' });
  app.secrets.readOrThrow = () => Promise.reject(locked);
  const { status } = await follow('calm-otter', ['comet_ml']);
  expect(status).toBe('completed');
  expect(events('calm-otter').join(' ')).toContain(
    'Comet: the environment holds no COMET_API_KEY. The keychain is locked. Set COMET_API_KEY, or unlock the keychain.',
  );
  expect(comet.asked).toEqual([]);
});

test('a job that ends without a word ends as interrupted, also at the tracker', async () => {
  records = [started(), step(5)];
  await follow('calm-otter', ['comet_ml']);
  expect(comet.posted('update-status').at(-1)).toMatchObject({ isAlive: false, hasCrashed: true });
});

test('no tracker, no trace', async () => {
  records = [started(), step(5), end];
  await follow('calm-otter', []);
  expect(comet.asked).toEqual([]);
  expect(existsSync(join(runFolder(app, { id: 'calm-otter' }), 'trackers'))).toBe(false);
});

test('what a run could not send is sent later, once, and that is an event', async () => {
  records = [started(), step(5), end];
  comet.answer = () => ({ status: 503, body: { msg: 'maintenance' } });
  await follow('calm-otter', ['comet_ml']);
  expect(events('calm-otter').join(' ')).toContain('offline: the server answers 503: maintenance');
  await sendQueued(app);
  expect(events('calm-otter').join(' ')).not.toContain('were sent');

  comet.answer = cometAnswer;
  comet.asked.length = 0;
  // Two windows at a time: one sends.
  await Promise.all([sendQueued(app), sendQueued(app)]);
  expect(comet.posted('metric')).toHaveLength(2);
  expect(comet.posted('update-status').at(-1)).toMatchObject({ isAlive: false, hasCrashed: false });
  expect(events('calm-otter').at(-1)).toBe('Comet: 3 queued log rows were sent.');
  comet.asked.length = 0;
  await sendQueued(app);
  expect(comet.asked).toEqual([]);
});

test('the next tracked run sends what an earlier one could not', async () => {
  records = [started(), step(5), end];
  comet.answer = () => ({ status: 503, body: 'maintenance' });
  await follow('calm-otter', ['comet_ml']);
  comet.answer = cometAnswer;
  records = [started(), step(6), end];
  await follow('quiet-heron', ['comet_ml']);
  await sendQueued(app);
  expect(new Set(comet.posted('metric').map((one) => one['step']))).toEqual(new Set([5, 6]));
});
