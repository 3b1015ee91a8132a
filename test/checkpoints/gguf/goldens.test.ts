// GGUF files as llama.cpp's converter writes them: what comes out, against gguf-py, transformers and the tokenizers' own
// libraries (test/parity/gguf_goldens.py).
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readGgufHeader } from '../../../main/checkpoints/gguf/header.ts';
import { readGgufTensor } from '../../../main/checkpoints/gguf/read-tensor.ts';
import { readyModel } from '../../../main/checkpoints/gguf/ready-model.ts';
import { openModelFolder } from '../../../main/checkpoints/model-folder.ts';
import { readTensorBytes } from '../../../main/checkpoints/safetensors.ts';
import { loadTokenizer } from '../../../main/data/tokenizer.ts';
import { modelFor } from '../../../main/engine/models/registry.ts';
import { goldensFolder } from '../../support/goldens.ts';
import { scratchFolder } from '../scratch.ts';

const folder = join(goldensFolder, 'gguf');
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const golden = (name: string): unknown => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));

type BlockGolden = { shape: number[]; sha256: string; first: number[] };

test.each(Object.entries(golden('blocks') as Record<string, BlockGolden>))(
  'blocks of %s have the values that gguf-py gives them, to the last bit',
  (type, { shape, sha256, first }) => {
    const path = join(folder, 'blocks.gguf');
    const tensor = readGgufHeader(path).tensors.get(type);
    if (!tensor) throw new Error(`no ${type}`);
    expect(tensor.shape).toEqual(shape);
    const values = readGgufTensor(tensor);
    expect([...values.subarray(0, 4)]).toEqual(first);
    expect(sha(new Uint8Array(values.buffer))).toBe(sha256);
    // A part that begins in the middle, as conversion reads it.
    expect(readGgufTensor(tensor, 512, 512)).toEqual(values.subarray(512, 1024));
  },
);

type ModelGolden = {
  config: Record<string, unknown> & { rope_parameters: Record<string, unknown> };
  tensors: Record<string, { dtype: string; shape: number[]; sha256: string }>;
  texts: { text: string; ids: number[] }[];
};

const models = readdirSync(folder)
  .filter((name) => /^.*?(?<!-0000[2-9]-of-\d{5})\.gguf$/.test(name) && name !== 'blocks.gguf')
  .map((file): [name: string, file: string] => [file.replace(/(-00001-of-\d{5})?\.gguf$/, ''), file]);

describe.each(models)('%s', (name, file) => {
  const { config, tensors, texts } = golden(name) as ModelGolden;

  test('config, tensors and ids of texts are those of the model that it was made from', async () => {
    const cache = scratchFolder();
    const made = await readyModel(join(folder, file), cache);
    const model = openModelFolder(made);

    const { rope_parameters: rope, ...wanted } = config;
    expect(model.config).toMatchObject(wanted);
    expect(ropeOf(model.config)).toEqual(ropeOf({ rope_parameters: rope }));
    expect(() => modelFor(model.config)).not.toThrow();
    // transformers takes no 30 for 30.0.
    const text = readFileSync(join(made, 'config.json'), 'utf8');
    expect(
      text.match(/"[\w_]*(softcapping|multiplier|logits_scaling|rope_theta|base_freq)": -?\d+(?!\d*\.)/),
    ).toBeNull();

    expect([...model.weights.keys()].sort()).toEqual(Object.keys(tensors).sort());
    for (const [key, { dtype, shape, sha256 }] of Object.entries(tensors)) {
      const weight = model.weights.get(key);
      if (!weight) throw new Error(key);
      expect([key, weight.dtype, weight.shape]).toEqual([key, dtype, shape]);
      expect([key, sha(readTensorBytes(weight.file, weight))]).toEqual([key, sha256]);
    }

    const tokenizer = loadTokenizer(made);
    for (const { text, ids } of texts)
      expect([text, tokenizer.encode(text, { specialTokens: false })]).toEqual([text, ids]);
  });
});

/** Both ways of writing it, in one. */
function ropeOf(config: Record<string, unknown>): Record<string, unknown> {
  type Rope = Record<string, unknown> & { full_attention?: Rope; sliding_attention?: Rope };
  const parameters = (config.rope_parameters ?? {}) as Rope;
  const { full_attention: full = parameters, sliding_attention: sliding } = parameters;
  const scaling = (config.rope_scaling ?? full) as Rope;
  const { rope_type: type = 'default', factor, low_freq_factor: low, high_freq_factor: high } = scaling;
  return {
    theta: config.rope_theta ?? full.rope_theta,
    local: config.rope_local_base_freq ?? sliding?.rope_theta,
    original:
      scaling.original_max_position_embeddings ??
      (type === 'longrope' ? config.original_max_position_embeddings : undefined),
    ...{ type, factor, low, high },
    attention: scaling.attention_factor,
    fast: scaling.beta_fast,
    slow: scaling.beta_slow,
    long: scaling.long_factor,
    short: scaling.short_factor,
    part: config.partial_rotary_factor ?? full.partial_rotary_factor ?? 1,
  };
}

test('what is in the cache is not made again, and what was half made is made anew', async () => {
  const cache = scratchFolder();
  const file = join(folder, 'qwen2.gguf');
  const seen: number[] = [];
  const made = await readyModel(file, cache, { onProgress: ({ done }) => seen.push(done) });
  expect(seen.at(-1)).toBeGreaterThan(10_000);
  expect(await readyModel(file, cache, { onProgress: () => expect.unreachable() })).toBe(made);
  rmSync(made, { recursive: true });
  const stop = new AbortController();
  const stopping = readyModel(file, cache, { signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) });
  await expect(stopping).rejects.toThrow('enough');
  expect(existsSync(made)).toBe(false);
  expect(readdirSync(join(cache, 'gguf'))).toEqual([]);
  expect(await readyModel(file, cache)).toBe(made);
});
