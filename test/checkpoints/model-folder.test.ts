import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { baseModelName, openModelFolder } from '../../main/checkpoints/model-folder.ts';
import { goldensFolder, storedWeights as weightsReadElsewhere } from '../support/goldens.ts';
import { sharedData } from '../support/shared-data.ts';
import { userErrorOf } from '../support/user-error.ts';
import { hubCache } from './hub-cache-folder.ts';
import { lfsPointer, safetensorsBytes, scratchFolder } from './scratch.ts';

const sharded = join(goldensFolder, 'llama-bf16-sharded');
const weights = safetensorsBytes({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, 8);
const config = '{"model_type": "llama"}';

test('opens a folder with one file', () => {
  const folder = scratchFolder({
    'config.json': config,
    'model.safetensors': weights,
    'tokenizer.json': '{}',
    'merges.txt': '',
  });
  const opened = openModelFolder(folder);
  expect(opened.config).toEqual({ model_type: 'llama' });
  expect([...opened.weights.keys()]).toEqual(['w']);
  expect(opened.weights.get('w')).toMatchObject({ file: join(folder, 'model.safetensors'), shape: [2], byteLength: 8 });
  expect(opened.tokenizerFiles).toEqual([join(folder, 'tokenizer.json'), join(folder, 'merges.txt')]);
  expect(baseModelName(opened)).toEqual({ name: folder, revision: null });
});

test('opens shards, each tensor in its own file', () => {
  const opened = openModelFolder(sharded);
  const expected = weightsReadElsewhere(sharded);
  expect(opened.weights.size).toBe(expected.size);
  for (const [name, { shape, data }] of expected)
    expect(opened.weights.get(name)).toMatchObject({
      dtype: 'BF16',
      shape,
      file: join(sharded, data.location),
      byteOffset: data.offset,
      byteLength: data.length,
    });
});

test('opens a Hugging Face cache: a snapshot of links, or the folder above it', () => {
  const { repository, snapshot, blobs } = hubCache(sharded, 'meta-llama', 'Llama--3.2--1B');
  for (const path of [snapshot, repository]) {
    const opened = openModelFolder(path);
    expect(opened.path).toBe(snapshot);
    expect(opened.weights.size).toBe(weightsReadElsewhere(sharded).size);
    for (const { file } of opened.weights.values()) expect(file.startsWith(blobs)).toBe(true);
    expect(baseModelName(opened)).toEqual({ name: 'meta-llama/Llama--3.2--1B', revision: 'abc123' });
  }
});

test.skipIf(sharedData === undefined)('opens the real checkpoints', () => {
  for (const name of readdirSync(join(sharedData ?? '', 'models'))) {
    const opened = openModelFolder(join(sharedData ?? '', 'models', name));
    expect(opened.weights.size).toBe(47);
    expect(opened.tokenizerFiles).toHaveLength(3);
  }
});

const index = (map: unknown): string => JSON.stringify({ weight_map: map });

const bad: [what: string, files: Record<string, string | Uint8Array>, code: string, words: RegExp][] = [
  ['an empty folder', {}, 'model-empty', /is empty/],
  ['no weights', { 'config.json': config, 'a.txt': '' }, 'weights-missing', /neither model.safetensors nor .*it holds a.txt, config.json/],
  ['PyTorch weights only', { 'config.json': config, 'pytorch_model.bin': 'x' }, 'pytorch-weights', /PyTorch's format \(pytorch_model.bin\)/],
  ['PyTorch shards only', { 'config.json': config, 'pytorch_model.bin.index.json': '{}' }, 'pytorch-weights', /PyTorch's format/],
  ['GGUF only', { 'llama-q4.gguf': 'GGUF' }, 'gguf-weights', /only as GGUF \(llama-q4.gguf\)/],
  ['an adapter', { 'adapter_config.json': '{}', 'adapter_model.safetensors': weights }, 'model-is-adapter', /PEFT adapter/],
  ['shards without their index', { 'config.json': config, 'model-00001-of-00002.safetensors': weights }, 'index-missing', /no model.safetensors.index.json/],
  ['no config.json', { 'model.safetensors': weights }, 'config-missing', /no config.json/],
  ['a config that is no JSON', { 'config.json': '{"a": 1,}', 'model.safetensors': weights }, 'config-invalid', /config.json is not valid JSON/],
  ['an empty config', { 'config.json': '', 'model.safetensors': weights }, 'config-invalid', /config.json is empty/],
  ['a config that is a list', { 'config.json': '[]', 'model.safetensors': weights }, 'config-invalid', /JSON object/],
  ['a config that Git LFS left out', { 'config.json': lfsPointer, 'model.safetensors': weights }, 'config-invalid', /Git LFS/],
  ['weights that Git LFS left out', { 'config.json': config, 'model.safetensors': lfsPointer }, 'git-lfs-pointer', /model.safetensors is a Git LFS pointer/],
  ['a quantised model', { 'config.json': '{"quantization_config": {"quant_method": "gptq"}}', 'model.safetensors': weights }, 'quantized-checkpoint', /quantised \(gptq\)/],
  ['a missing shard', { 'config.json': config, 'model.safetensors.index.json': index({ w: 'model-1.safetensors', v: 'model-2.safetensors' }), 'model-1.safetensors': weights }, 'shard-missing', /1 of its 2 weight files are missing: model-2.safetensors/],
  ['an index without a map', { 'config.json': config, 'model.safetensors.index.json': '{}' }, 'index-invalid', /no "weight_map"/],
  ['an index with an empty map', { 'config.json': config, 'model.safetensors.index.json': index({}) }, 'index-invalid', /is empty/],
  ['an index that leads out of the folder', { 'config.json': config, 'model.safetensors.index.json': index({ w: '../secret.safetensors' }) }, 'index-invalid', /impossible file "\.\.\/secret.safetensors"/],
  ['an index that contradicts its shard', { 'config.json': config, 'model.safetensors.index.json': index({ x: 'model-1.safetensors' }), 'model-1.safetensors': weights }, 'index-invalid', /places "x" in model-1.safetensors, which has no such tensor/],
]; // prettier-ignore

test.each(bad)('refuses %s', (_, files, code, words) => {
  const folder = scratchFolder(files);
  const error = userErrorOf(() => openModelFolder(folder));
  expect(error).toMatchObject({ code });
  expect(error.message).toMatch(words);
  expect(error.message).toContain(folder);
  expect(error.fix).not.toBe('');
});

test('the way out of PyTorch weights names the folder', () => {
  const folder = scratchFolder({ 'config.json': config, 'pytorch_model.bin': 'x' });
  expect(userErrorOf(() => openModelFolder(folder)).fix).toContain(`M.from_pretrained("${folder}")`);
});

test('refuses a Hub id, a path that does not exist and a file, each in its own words', () => {
  const hub = userErrorOf(() => openModelFolder('meta-llama/Llama-3.1-8B'));
  expect(hub.code).toBe('model-not-local');
  expect(hub.fix).toContain('hf download meta-llama/Llama-3.1-8B');
  expect(userErrorOf(() => openModelFolder('./not/here')).code).toBe('model-not-found');
  const folder = scratchFolder({ 'a.gguf': 'GGUF', 'model.safetensors': weights });
  expect(userErrorOf(() => openModelFolder(join(folder, 'a.gguf'))).code).toBe('gguf-weights');
  expect(userErrorOf(() => openModelFolder(join(folder, 'model.safetensors'))).code).toBe('model-not-a-folder');
});

test('refuses a link to a file that is gone', () => {
  const folder = scratchFolder({ 'config.json': config });
  symlinkSync('../../blobs/gone', join(folder, 'model.safetensors'));
  expect(userErrorOf(() => openModelFolder(folder)).code).toBe('link-broken');
});

test('a cache without a main branch and several snapshots is not guessed at', () => {
  const { repository } = hubCache(sharded, 'a', 'b');
  mkdirSync(join(repository, 'snapshots/other'));
  writeFileSync(join(repository, 'refs/main'), 'never-downloaded');
  expect(userErrorOf(() => openModelFolder(repository)).code).toBe('weights-missing');
});
