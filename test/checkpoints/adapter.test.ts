import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { adapterKeys, parseAdapterKey } from '../../main/checkpoints/adapter-keys.ts';
import { readAdapter, writeAdapter, type AdapterFolder } from '../../main/checkpoints/adapter.ts';
import { openModelFolder } from '../../main/checkpoints/model-folder.ts';
import { writeSafetensors } from '../../main/checkpoints/safetensors.ts';
import { goldensFolder, llamaGoldens, readJson, readTensors } from '../support/goldens.ts';
import { userErrorOf } from '../support/user-error.ts';
import { safetensorsBytes, scratchFolder } from './scratch.ts';

const module = 'model.layers.0.self_attn.q_proj';
const { a, b, magnitude } = adapterKeys(module);

/** r 2 on one layer of 3 inputs and 4 outputs. */
function smallAdapter(): AdapterFolder {
  return {
    config: {
      r: 2,
      lora_alpha: 8,
      lora_dropout: 0.05,
      target_modules: ['q_proj'],
      use_rslora: false,
      base_model_name_or_path: 'meta-llama/Llama-3.2-1B',
      revision: 'abc',
    },
    tensors: new Map([
      [b, { shape: [4, 2], data: Float32Array.from({ length: 8 }, (_, i) => Math.sqrt(i) - 1) }],
      [a, { shape: [2, 3], data: Float32Array.of(1e-45, -0, 3.4e38, -1, 0.1, 7) }],
    ]),
    card: '# A card\n',
  };
}

test('keys and layer names lead to each other', () => {
  expect(adapterKeys(module)).toEqual({
    a: 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
    b: 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight',
    magnitude: 'base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector',
  });
  expect(parseAdapterKey(a)).toEqual({ module, part: 'A' });
  expect(parseAdapterKey(b)).toEqual({ module, part: 'B' });
  expect(parseAdapterKey(magnitude)).toEqual({ module, part: 'magnitude' });
  expect(parseAdapterKey('base_model.model.model.embed_tokens.weight')).toBeUndefined();
});

test.each(llamaGoldens)('reads what PEFT wrote: %s', (name) => {
  const folder = join(goldensFolder, name, 'adapter');
  const { config, tensors } = readAdapter(folder);
  const written = readJson(join(folder, 'adapter_config.json')) as Record<string, unknown>;
  for (const [key, value] of Object.entries(config)) expect(written[key], key).toEqual(value);
  const expected = readTensors(join(folder, 'adapter_model.safetensors'));
  expect([...tensors.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [key, values] of expected) expect(tensors.get(key)?.data, key).toEqual(values);
});

test('writes the same tensor file as PEFT', () => {
  const peft = join(goldensFolder, 'llama-gqa-tied/adapter');
  const folder = join(scratchFolder(), 'adapter');
  writeAdapter(folder, { ...readAdapter(peft), card: '' });
  const ours = readFileSync(join(folder, 'adapter_model.safetensors'));
  expect(ours.equals(readFileSync(join(peft, 'adapter_model.safetensors')))).toBe(true);
});

test('the config holds what old and new readers need, and nothing more', () => {
  const folder = join(scratchFolder(), 'out');
  writeAdapter(folder, smallAdapter());
  expect(readJson(join(folder, 'adapter_config.json'))).toEqual({
    base_model_name_or_path: 'meta-llama/Llama-3.2-1B',
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: 8,
    lora_dropout: 0.05,
    modules_to_save: null,
    peft_type: 'LORA',
    r: 2,
    revision: 'abc',
    target_modules: ['q_proj'],
    task_type: 'CAUSAL_LM',
  });
  const rslora = smallAdapter();
  rslora.config.use_rslora = true;
  writeAdapter(folder, rslora);
  expect(readJson(join(folder, 'adapter_config.json'))).toHaveProperty('use_rslora', true);
});

test('comes back bit for bit', () => {
  const folder = join(scratchFolder(), 'deep/er/out');
  const adapter = smallAdapter();
  writeAdapter(folder, adapter);
  const read = readAdapter(folder);
  expect(read.config).toEqual(adapter.config);
  for (const [key, { shape, data }] of adapter.tensors) {
    expect(read.tensors.get(key)?.shape).toEqual(shape);
    expect(new Uint32Array(read.tensors.get(key)?.data.buffer ?? new ArrayBuffer())).toEqual(
      new Uint32Array(data.buffer),
    );
  }
  expect(readFileSync(join(folder, 'README.md'), 'utf8')).toBe('# A card\n');
});

test('brings the tokenizer of the model, as ordinary files, and its chat template', () => {
  const weights = safetensorsBytes({});
  const model = scratchFolder({
    'config.json': '{}',
    'model.safetensors': weights,
    'tokenizer.json': '{"v": 1}',
    'merges.txt': 'a b',
    'notes.txt': '',
  });
  chmodSync(join(model, 'tokenizer.json'), 0o444);
  const folder = join(scratchFolder(), 'out');
  const write = () =>
    writeAdapter(folder, { ...smallAdapter(), tokenizerFrom: openModelFolder(model), chatTemplate: '{{ x }}' });
  write();
  write(); // again, into the folder that is there now
  expect(readdirSync(folder).sort()).toEqual(
    ['README.md', 'adapter_config.json', 'adapter_model.safetensors', 'chat_template.jinja', 'merges.txt', 'tokenizer.json'],
  ); // prettier-ignore
  expect(readFileSync(join(folder, 'tokenizer.json'), 'utf8')).toBe('{"v": 1}');
  expect(readFileSync(join(folder, 'chat_template.jinja'), 'utf8')).toBe('{{ x }}');
  expect(statSync(join(folder, 'tokenizer.json')).mode & 0o200).toBe(0o200);
});

test('leaves other files in the folder alone', () => {
  const folder = scratchFolder({ 'mine.txt': 'keep', 'README.md': 'old' });
  writeAdapter(folder, smallAdapter());
  expect(readFileSync(join(folder, 'mine.txt'), 'utf8')).toBe('keep');
  expect(readFileSync(join(folder, 'README.md'), 'utf8')).toBe('# A card\n');
});

/** An adapter folder as another writer might leave it. */
function foreignAdapter(
  config: Record<string, unknown>,
  tensors: Record<string, number[]> = { [a]: [2, 3], [b]: [4, 2] },
): string {
  const base = { peft_type: 'LORA', task_type: 'CAUSAL_LM', r: 2, lora_alpha: 8, target_modules: ['q_proj'] };
  const folder = scratchFolder({ 'adapter_config.json': JSON.stringify({ ...base, ...config }) });
  const list = Object.entries(tensors).map(([name, shape]) => {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(0.5);
    return { name, dtype: 'BF16' as const, shape, data };
  });
  writeSafetensors(join(folder, 'adapter_model.safetensors'), list);
  return folder;
}

test('reads the keys and types of other writers', () => {
  const folder = foreignAdapter(
    {},
    {
      [`base_model.model.${module}.lora_A.default.weight`]: [2, 3],
      [`base_model.model._orig_mod.${module}.lora_B.default.weight`]: [4, 2],
    },
  );
  const { config, tensors } = readAdapter(folder);
  expect([...tensors.keys()].sort()).toEqual([a, b]);
  expect(tensors.get(a)?.data).toEqual(new Float32Array(6).fill(0.5));
  expect(config).toMatchObject({ lora_dropout: 0, use_rslora: false, base_model_name_or_path: null, revision: null });
});

test('DoRA and patterns: read from other writers, written as PEFT has them', () => {
  const patterns = { rank_pattern: { q_proj: 3, '.*': 9 }, alpha_pattern: { 'layers\\.0.*': 1.5 } };
  const folder = foreignAdapter(
    { use_dora: true, init_lora_weights: 'gaussian', ...patterns },
    { [a]: [3, 3], [b]: [4, 3], [`base_model.model.${module}.lora_magnitude_vector.default.weight`]: [4] },
  );
  const adapter = readAdapter(folder);
  expect(adapter.config).toMatchObject({ r: 2, use_dora: true, init_lora_weights: 'gaussian', ...patterns });
  expect(adapter.tensors.get(magnitude)?.shape).toEqual([4]);
  const written = join(scratchFolder(), 'out');
  writeAdapter(written, { ...adapter, card: '' });
  expect(readJson(join(written, 'adapter_config.json'))).toMatchObject({ use_dora: true, ...patterns });
  expect(readAdapter(written)).toEqual(adapter);
});

test('refuses DoRA without magnitudes, ranks that a pattern does not give, and keys that are no pattern', () => {
  const refused = (config: Record<string, unknown>) => userErrorOf(() => readAdapter(foreignAdapter(config)));
  expect(refused({ use_dora: true }).message).toContain('lora_A and lora_B without lora_magnitude_vector');
  const other = refused({ rank_pattern: { q_proj: 4 } });
  expect(other.code).toBe('adapter-shape');
  expect(other.message).toContain('r: 4 in adapter_config.json wants [4, in]');
  expect(refused({ rank_pattern: { '(': 4 } }).code).toBe('lora-pattern-invalid');
});

test('modules_to_save is refused with the reason', () => {
  const error = userErrorOf(() => readAdapter(foreignAdapter({ modules_to_save: ['embed_tokens', 'lm_head'] })));
  expect(error.message).toContain('vLLM refuses');
  expect(error.fix).toContain('raise lora_r');
});

test.each([
  ['a pattern', { target_modules: '.*q_proj' }],
  ['chosen layers', { layers_to_transform: [0] }],
  ['excluded layers', { exclude_modules: ['model.layers.1.self_attn.q_proj'] }],
])('where %s decides, the targets are the layers that have tensors', (_, config) => {
  expect(readAdapter(foreignAdapter(config)).config.target_modules).toEqual([module]);
});

const unsupported: [key: string, value: unknown][] = [
  ['peft_type', 'IA3'],
  ['task_type', 'SEQ_CLS'],
  ['bias', 'lora_only'],
  ['modules_to_save', ['lm_head']],
  ['fan_in_fan_out', true],
  ['lora_bias', true],
  ['layer_replication', [[0, 4]]],
  ['trainable_token_indices', [1]],
  ['init_lora_weights', 'pissa'],
];

test.each(unsupported)('refuses %s: %j by name', (key, value) => {
  const error = userErrorOf(() => readAdapter(foreignAdapter({ [key]: value })));
  expect(error.code).toBe('adapter-unsupported');
  expect(error.message).toContain(`${key}: ${JSON.stringify(value)}`);
});

test.each([
  ['r', 0],
  ['r', '8'],
  ['lora_alpha', null],
  ['lora_dropout', 1],
  ['peft_type', undefined],
  ['rank_pattern', { q_proj: 0 }],
  ['rank_pattern', [4]],
  ['alpha_pattern', { q_proj: '8' }],
])('refuses the impossible %s: %j', (key, value) => {
  const error = userErrorOf(() => readAdapter(foreignAdapter({ [key]: value })));
  expect(error.code).toBe('adapter-config-invalid');
  expect(error.message).toContain(key);
});

test.each<[what: string, tensors: Record<string, number[]>, code: string, words: string]>([
  ['another rank', { [a]: [4, 3], [b]: [4, 4] }, 'adapter-shape', 'is [4, 3], but r: 2'],
  ['a rank that only B has', { [a]: [2, 3], [b]: [2, 4] }, 'adapter-shape', 'wants [out, 2]'],
  ['three dimensions', { [a]: [2, 3, 1], [b]: [4, 2] }, 'adapter-shape', 'is [2, 3, 1]'],
  ['half a pair', { [a]: [2, 3] }, 'adapter-incomplete', 'lora_A without lora_B'],
  ['magnitudes that the config does not speak of', { [a]: [2, 3], [b]: [4, 2], [magnitude]: [4] }, 'adapter-contradiction', 'use_dora in adapter_config.json is not true'],
  ['magnitudes of two dimensions', { [a]: [2, 3], [b]: [4, 2], [magnitude]: [1, 4] }, 'adapter-shape', 'is [1, 4], expected [out]'],
  ['no tensors', {}, 'adapter-empty', 'no tensors'],
  ['a trained embedding', { [a]: [2, 3], [b]: [4, 2], 'base_model.model.model.embed_tokens.weight': [5, 3] }, 'adapter-unsupported', 'embed_tokens'],
  ['the same tensor twice', { [a]: [2, 3], [b]: [4, 2], [a.replace('.weight', '.default.weight')]: [2, 3] }, 'adapter-unsupported', 'two tensors'],
])('refuses %s', (_, tensors, code, words) => {
  const error = userErrorOf(() => readAdapter(foreignAdapter({}, tensors)));
  expect(error.code).toBe(code);
  expect(error.message).toContain(words);
}); // prettier-ignore

test.each<[what: string, files: Record<string, string>, code: string]>([
  ['a whole model', { 'config.json': '{}' }, 'adapter-config-missing'],
  ['an empty folder', {}, 'adapter-config-missing'],
  ['PyTorch tensors only', { 'adapter_config.json': '{"peft_type":"LORA","r":1,"lora_alpha":1}', 'adapter_model.bin': '' }, 'adapter-pytorch'],
  ['a config alone', { 'adapter_config.json': '{"peft_type":"LORA","r":1,"lora_alpha":1}' }, 'adapter-weights-missing'],
])('refuses %s', (_, files, code) => {
  expect(userErrorOf(() => readAdapter(scratchFolder(files))).code).toBe(code);
}); // prettier-ignore

test('refuses a Hub id, a path that does not exist and a file', () => {
  expect(userErrorOf(() => readAdapter('someone/an-adapter')).code).toBe('adapter-not-local');
  expect(userErrorOf(() => readAdapter('/not/here')).code).toBe('adapter-not-found');
  const folder = scratchFolder({ 'adapter_model.safetensors': '' });
  expect(userErrorOf(() => readAdapter(join(folder, 'adapter_model.safetensors'))).code).toBe('adapter-not-a-folder');
});

test('a folder in the place of a file, and a file in the place of a folder, are told and leave nothing behind', () => {
  const folder = scratchFolder({ file: '' });
  expect(userErrorOf(() => writeAdapter(join(folder, 'file'), smallAdapter())).code).toBe('not-a-folder');
  expect(userErrorOf(() => writeAdapter(join(folder, 'file/below'), smallAdapter())).code).toBe('not-a-folder');
  mkdirSync(join(folder, 'out/README.md/x'), { recursive: true });
  writeFileSync(join(folder, 'out/README.md/x/y'), '');
  expect(userErrorOf(() => writeAdapter(join(folder, 'out'), smallAdapter())).code).toMatch(/not-a-f/);
  expect(readdirSync(folder).sort()).toEqual(['file', 'out']);
  expect(readdirSync(join(folder, 'out')).filter((name) => name.startsWith('.'))).toEqual([]);
});
