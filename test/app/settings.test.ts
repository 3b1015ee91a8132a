// What the Settings screen asks for: the settings file, the disk, trackers, and a report without secrets in it.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { answer } from '../../main/app/answer.ts';
import { openApp, type App } from '../../main/app/app.ts';
import { thisProcess } from '../../main/app/process-identity.ts';
import { resourcePath } from '../../main/app/resources.ts';
import type { SecretStore } from '../../main/app/secrets/secret-store.ts';
import { storeOf } from '../support/secret-store.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const open: App[] = [];
/** Lets previews end. */
const release = Promise.withResolvers<undefined>();
afterEach(() => {
  vi.unstubAllEnvs();
  for (const app of open.splice(0)) app.history.close();
});

function openHere(name: string, secretStore: SecretStore = storeOf({})): App {
  const app = openApp(
    {
      launchJob: () => {
        throw new Error('no runs here');
      },
      launchErrand: async (name) => {
        if (name === 'preview') await release.promise;
        return {} as never;
      },
      secretStore,
    },
    join(folder.path, name),
  );
  open.push(app);
  return app;
}

const ask = async (app: App, command: string, input: unknown = {}): Promise<Record<string, unknown>> => ({
  ...(await answer(app, { command, input })),
});

function addRun(app: App, id: string, recipe: Record<string, unknown> = {}): string {
  const runDir = join(app.home.runs, id);
  mkdirSync(runDir, { recursive: true });
  app.history.runs.insert({
    id,
    method: 'sft',
    name: undefined,
    recipe: { model_name_or_path: '/models/m', dataset_name: ['/data/d.jsonl'], ...recipe },
    outputDir: join(runDir, 'adapter'),
    createdAt: 1,
    host: thisProcess(),
  });
  return runDir;
}

test('settings are kept, with what a newer version wrote', async () => {
  const app = openHere('kept');
  expect(await ask(app, 'settings.load')).toMatchObject({ value: { settings: { device: 'auto' }, problem: null } });
  writeFileSync(app.home.settings, '{"device": "auto", "later": {"x": 1}}');
  await ask(app, 'settings.change', { device: 'cpu' });
  expect(JSON.parse(readFileSync(app.home.settings, 'utf8'))).toEqual({
    device: 'cpu',
    useAllGpus: true,
    later: { x: 1 },
  });
  expect(await ask(app, 'settings.change', { device: 'abacus' })).toMatchObject({ error: { code: 'bad-request' } });
  expect(await ask(app, 'settings.change', { later: 2 })).toMatchObject({ error: { code: 'bad-request' } });
});

test.each([
  ['not JSON', '{"device": '],
  ['a value of no meaning', '{"device": "abacus"}'],
  ['no object', '[]'],
])('a damaged file is set aside and said: %s', async (name, text) => {
  const app = openHere(`damaged ${name}`);
  writeFileSync(app.home.settings, text);
  expect(await ask(app, 'settings.load')).toMatchObject({
    value: { settings: { device: 'auto' }, problem: { code: 'settings-damaged' } },
  });
  const aside = readdirSync(app.home.folder).filter((file) => file.startsWith('settings.'));
  expect(aside.map((file) => readFileSync(join(app.home.folder, file), 'utf8'))).toEqual([text]);
});

test('the device of the settings is that of a run which names none', async () => {
  const app = openHere('device');
  addRun(app, 'busy-bee'); // so that the others wait
  await ask(app, 'settings.change', { device: 'webgpu' });
  const values = {
    model_name_or_path: resourcePath('starter-model'),
    dataset_name: resourcePath('sample-data', 'sft.jsonl'),
  };
  for (const more of [{}, { device: 'auto' }, { use_cpu: true }])
    await ask(app, 'run.start', { method: 'sft', values: { ...values, ...more } });
  expect(app.history.runs.queue().map(({ recipe }) => recipe['device'])).toEqual(['webgpu', 'auto', 'cpu']);
});

test('the disk is measured, and the cache emptied only when nothing runs', async () => {
  const app = openHere('disk');
  vi.stubEnv('HF_HUB_CACHE', join(folder.path, 'no-hub-here'));
  writeFileSync(join(app.home.cache, 'tokens.bin'), Buffer.alloc(1000));
  mkdirSync(join(app.home.cache, 'merged'));
  writeFileSync(join(app.home.cache, 'merged', 'model.bin'), Buffer.alloc(500));
  const runDir = addRun(app, 'busy-bee');
  writeFileSync(join(runDir, 'job.log'), 'x'.repeat(70));
  const parts = async (): Promise<Record<string, number>> => {
    const { value } = (await ask(app, 'storage.describe')) as { value: { parts: { name: string; bytes: number }[] } };
    return Object.fromEntries(value.parts.map(({ name, bytes }) => [name, bytes]));
  };
  expect(await parts()).toMatchObject({ cache: 1500, runs: 70 });
  expect(await ask(app, 'cache.clear')).toMatchObject({ error: { code: 'cache-in-use' } });
  app.history.runs.update('busy-bee', { status: 'stopped', host: null });
  const preview = app.launchErrand('preview', {} as never, {
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
  expect(await ask(app, 'cache.clear')).toMatchObject({ error: { code: 'cache-in-use' } });
  expect(await parts()).toMatchObject({ cache: 1500 });
  release.resolve(undefined);
  await preview;
  expect(await ask(app, 'cache.clear')).toMatchObject({ value: { freedBytes: 1500 } });
  expect(await parts()).toMatchObject({ cache: 0, runs: 70 });
  expect(existsSync(app.home.cache)).toBe(true);
  expect(readdirSync(app.home.folder).filter((name) => name.includes('partial'))).toEqual([]);
});

test('secrets go in and never come out', async () => {
  const held: Record<string, string> = {};
  const app = openHere('secrets', storeOf(held));
  const value = 'hf_abcdefghijklmnopqrstuvwx9876';
  const answers = [
    await ask(app, 'secrets.set', { name: 'HF_TOKEN', value }),
    await ask(app, 'secrets.list'),
    await ask(app, 'secrets.set', { name: value, value }),
    await ask(app, 'secrets.set', { name: 'HF_TOKEN', value, extra: value }),
  ];
  expect(held).toEqual({ HF_TOKEN: value });
  expect(answers).toMatchObject([
    { ok: true },
    { value: { place: 'a keychain in memory', problem: null } },
    { error: { code: 'secret-unknown' } },
    { error: { code: 'bad-request' } },
  ]);
  expect(JSON.stringify(answers)).toContain('"ending":"9876"');
  expect(JSON.stringify(answers)).not.toContain('abcdefgh');
  expect(await ask(app, 'secrets.remove', { name: 'HF_TOKEN' })).toMatchObject({ value: { removed: true } });
  expect(held).toEqual({});
});

test('trackers say where logs go, never with a password, and what has not been sent', async () => {
  vi.stubEnv('MLFLOW_TRACKING_URI', 'https://anna:pass-word@mlflow.example/base');
  const app = openHere('trackers');
  const runDir = addRun(app, 'slow-snail', { report_to: ['mlflow'] });
  app.history.runs.update('slow-snail', { status: 'completed', host: null });
  mkdirSync(join(runDir, 'trackers'), { recursive: true });
  writeFileSync(join(runDir, 'trackers', 'mlflow.json'), '{"ended": false}');
  const reply = await ask(app, 'trackers.list');
  const { trackers } = reply['value'] as { trackers: { name: string }[] };
  expect(trackers.find(({ name }) => name === 'mlflow')).toMatchObject({
    place: 'https://mlflow.example/base',
    waitingRuns: 1,
  });
  expect(trackers.find(({ name }) => name === 'comet_ml')).toMatchObject({ needsSecrets: true, waitingRuns: 0 });
  expect(JSON.stringify(reply)).not.toMatch(/pass-word|anna/);
});

test('a report of a problem holds the figures, and no data, prompts, secrets or names of folders', async () => {
  vi.stubEnv('HF_TOKEN', 'hf_in-the-environment');
  const app = openHere('report', storeOf({ COMET_API_KEY: 'comet-in-the-keychain' }));
  const runDir = addRun(app, 'sad-seal', { max_length: 384, sample_prompts: ['My secret diary'] });
  app.history.runs.update('sad-seal', {
    status: 'failed',
    host: null,
    error: { code: 'internal', message: 'Unexpected "My secret diary"', fix: 'none' },
  });
  writeFileSync(
    join(runDir, 'job.log'),
    [
      `SyntaxError: Unexpected token 'M', "My secret`,
      `diary: \\"dear\\" you" is not valid JSON`,
      `    at parse (${join(homedir(), 'code', 'json.ts')}:3:4)`,
      `    at read (${join(app.home.folder, 'x.ts')}:1:2)`,
      `it didn't like 'hidden words here' with hf_in-the-environment and comet-in-the-keychain`,
    ].join('\n'),
  );
  const { value } = (await ask(app, 'diagnostics.write')) as { value: { path: string; bytes: number } };
  const text = readFileSync(value.path, 'utf8');
  expect(value.bytes).toBe(Buffer.byteLength(text));
  expect(text).toContain('"max_length": 384');
  expect(text).toContain('"title": "Processor"');
  expect(text).toContain(`at parse (${join('~', 'code', 'json.ts')}:3:4)`);
  expect(text).toContain('at read (<home of Lorelei>');
  expect(text).toContain("it didn't like '(17 characters left out)' with *** and ***");
  expect(text).toMatch(/"COMET_API_KEY": "keychain"/);
  expect(text).not.toMatch(/diary|dear|hidden|in-the-environment|in-the-keychain/);
  expect(text).not.toContain(folder.path);
});
