// What is told of a model before anything is trained on it, against what its makers wrote and what is known of its files.
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApp, type App } from '../../main/app/app.ts';
import { inspectModel } from '../../main/app/inspect-model.ts';
import { knownModels } from '../../main/app/known-models.ts';
import { resourcePath } from '../../main/app/resources.ts';
import { hubCache } from '../checkpoints/hub-cache-folder.ts';
import { goldensFolder } from '../support/goldens.ts';
import { tempFolder } from '../support/temp-folder.ts';

const scratch = tempFolder();
const golden = join(goldensFolder, 'llama-bf16-sharded');
let app: App;
let cacheSetting: string | undefined;

beforeAll(() => {
  cacheSetting = process.env['HF_HUB_CACHE'];
  process.env['HF_HUB_CACHE'] = join(scratch.path, 'hub');
  app = openApp(
    {
      launchJob: () => {
        throw new Error('no jobs here');
      },
    },
    join(scratch.path, 'home'),
  );
});
afterAll(() => {
  app.history.close();
  if (cacheSetting === undefined) delete process.env['HF_HUB_CACHE'];
  else process.env['HF_HUB_CACHE'] = cacheSetting;
});

/** A copy of the starter model with a changed config. */
function variant(name: string, changes: Record<string, unknown>): string {
  const folder = join(scratch.path, name);
  cpSync(resourcePath('starter-model'), folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, ...changes }));
  return folder;
}

test('a good model', () => {
  const folder = resourcePath('starter-model');
  const facts = inspectModel(app, folder);
  const header = readFileSync(join(folder, 'model.safetensors')).readBigUInt64LE(0);
  expect(facts).toMatchObject({
    reference: folder,
    modelType: 'llama',
    problem: null,
    hasChatTemplate: true,
    licence: 'apache-2.0',
    bytes: statSync(join(folder, 'model.safetensors')).size - 8 - Number(header),
  });
  // Two bytes a weight.
  expect(facts.dtype).toMatch(/^B?F16$/);
  expect(facts.parameters).toBe((facts.bytes ?? 0) / 2);
});

test('what cannot be trained says why', () => {
  const codeOf = (path: string): string | undefined => inspectModel(app, path).problem?.code;
  expect(codeOf(variant('other', { model_type: 'gpt_neox' }))).toBe('model-type-unsupported');
  expect(codeOf(variant('quantised', { quantization_config: { quant_method: 'awq' } }))).toBe('quantized-checkpoint');
  expect(codeOf(variant('wider', { vocab_size: 99 }))).toBe('model-contradiction');
  expect(codeOf(join(scratch.path, 'nowhere'))).toBe('model-not-found');
  expect(codeOf('river/unknown')).toBe('model-not-local');
  mkdirSync(join(scratch.path, 'empty'));
  expect(codeOf(join(scratch.path, 'empty'))).toBe('model-empty');
  expect(inspectModel(app, join(scratch.path, 'other'))).toMatchObject({
    modelType: 'gpt_neox',
    layers: expect.any(Number) as number,
  });
});

test('an adapter leads to its base model', () => {
  const adapter = join(scratch.path, 'adapter');
  const base = resourcePath('starter-model');
  mkdirSync(adapter);
  const config = JSON.parse(readFileSync(join(golden, 'adapter/adapter_config.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const write = (name: string): void =>
    writeFileSync(join(adapter, 'adapter_config.json'), JSON.stringify({ ...config, base_model_name_or_path: name }));
  write(base);
  expect(inspectModel(app, adapter)).toMatchObject({
    reference: base,
    problem: null,
    adapter: { reference: adapter, base, rank: config.r },
  });
  write('river/unknown');
  expect(inspectModel(app, adapter)).toMatchObject({ reference: '', problem: { code: 'adapter-base-missing' } });
});

test('the cache of the Hub is looked through', () => {
  const { repository, snapshot } = hubCache(golden, 'river', 'otter');
  cpSync(repository, join(app.hub.cache, 'models--river--otter'), { recursive: true, verbatimSymlinks: true });
  const [found, ...others] = knownModels(app).downloaded;
  expect(others).toEqual([]);
  expect(found).toMatchObject({
    name: 'river/otter',
    origin: { id: 'river/otter', revision: 'abc123' },
    dtype: 'BF16',
  });
  expect(inspectModel(app, snapshot).reference).toBe(snapshot);
  expect(inspectModel(app, 'river/otter').folder).toBe(found?.folder);
});

test('models of runs are recent ones, the starter model and the cache apart', () => {
  const mine = variant('mine', {});
  const models = [mine, resourcePath('starter-model'), join(scratch.path, 'gone'), mine];
  for (const [at, model] of models.entries())
    app.history.runs.insert({
      id: `run-${at}`,
      method: 'sft',
      name: undefined,
      recipe: { model_name_or_path: model },
      outputDir: join(scratch.path, 'out'),
      createdAt: 1000 + at,
      host: undefined,
    });
  const { recent, starter, runs } = knownModels(app);
  expect(recent.map(({ reference, usedAt }) => [reference, usedAt])).toEqual([[mine, 1003]]);
  expect(starter).toMatchObject({ usedAt: 1001, problem: null });
  expect(runs).toEqual([]);
});

test('a run can be gone on from: its base model, under its own name', () => {
  // The golden has no tokenizer of its own.
  const base = join(scratch.path, 'base');
  cpSync(golden, base, { recursive: true });
  cpSync(join(resourcePath('starter-model'), 'tokenizer.json'), join(base, 'tokenizer.json'));
  const recipe = { model_name_or_path: base };
  const run = { method: 'sft', name: undefined, recipe, outputDir: join(base, 'adapter'), host: undefined };
  app.history.runs.insert({ ...run, id: 'calm-otter', createdAt: 5000 });
  app.history.runs.update('calm-otter', { status: 'completed', lastStep: 12, endedAt: 6000 });
  app.history.runs.insert({ ...run, id: 'bad-otter', outputDir: join(base, 'nothing'), createdAt: 5001 });
  app.history.runs.update('bad-otter', { status: 'failed', lastStep: 3, endedAt: 6000 });
  const [found, ...others] = knownModels(app).runs;
  expect(others).toEqual([]);
  expect(found).toMatchObject({
    reference: 'run:calm-otter',
    name: 'calm-otter',
    folder: base,
    problem: null,
    usedAt: 6000,
    adapter: { reference: join(base, 'adapter'), base: 'base', rank: 4 },
  });

  app.history.runs.update('calm-otter', { name: 'Talks of rivers' });
  expect(knownModels(app).runs[0]).toMatchObject({ reference: 'run:calm-otter', name: 'Talks of rivers' });
});
