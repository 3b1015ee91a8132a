// Merged models against PEFT: the logits of base and adapter, and the weights of merge_and_unload.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAdapter } from '../../main/checkpoints/adapter.ts';
import { requireDiskSpace } from '../../main/checkpoints/disk-space.ts';
import { float32ToBf16, float32ToF16 } from '../../main/checkpoints/float-formats.ts';
import { type MergedModel, type MergeHooks, writeMergedModel } from '../../main/checkpoints/merged-model.ts';
import { openModelFolder } from '../../main/checkpoints/model-folder.ts';
import { readTensorBytes, writeSafetensors } from '../../main/checkpoints/safetensors.ts';
import { modelFor } from '../../main/engine/models/registry.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { UserError } from '../../main/errors.ts';
import {
  goldenBatch,
  type GoldenBatch,
  goldensFolder,
  llamaGoldens,
  readJson,
  readTensors,
  relativeError,
  storedWeights,
} from '../support/goldens.ts';
import { computeLogits } from '../support/logits.ts';
import { userErrorOf } from '../support/user-error.ts';
import { scratchFolder } from './scratch.ts';

const runtime = await openRuntime({ device: 'cpu' });

const golden = (name: string): string => join(goldensFolder, name);

async function merge(base: string, changes: Partial<MergedModel> = {}, hooks: MergeHooks = {}): Promise<string> {
  const folder = join(scratchFolder(), 'merged');
  const adapter = readAdapter(join(base, 'adapter'));
  const plain = {
    base: openModelFolder(base),
    adapter,
    dtype: 'auto',
    maxShardBytes: 5e9,
    tokenizerFiles: [],
  } as const;
  await writeMergedModel(folder, { ...plain, ...changes }, hooks);
  return folder;
}

const bytesOf = (folder: string): Map<string, Uint8Array> =>
  new Map([...openModelFolder(folder).weights.values()].map((info) => [info.name, readTensorBytes(info.file, info)]));

const dtypesOf = (folder: string): Set<string> =>
  new Set([...openModelFolder(folder).weights.values()].map(({ dtype }) => dtype));

/** Logits at the real positions of the golden batch, of the model in `folder` without any adapter. */
async function logitsOf(name: string, folder: string): Promise<number[]> {
  const model = modelFor(readJson(join(folder, 'config.json')) as Record<string, unknown>);
  const batch = goldenBatch(golden(name));
  const { lengths } = readJson(join(golden(name), 'batch.json')) as GoldenBatch;
  const logits = await computeLogits(runtime, { model, stored: storedWeights(folder), weightsDir: folder }, batch);
  return lengths.flatMap((length, row) => {
    const start = row * batch.seq * model.vocabSize;
    return [...logits.subarray(start, start + length * model.vocabSize)];
  });
}

// Each weight is off by at most 2^-8 of it in bfloat16, 2^-11 in float16. These models of random weights amplify that up
// to 4 times (as much without an adapter: llama-zero-b); twice as much is allowed. That the bits are right is tested below.
test.each(llamaGoldens)('%s: the merged model says what PEFT says of base and adapter', async (name) => {
  const expected = readTensors(join(golden(name), 'expected.safetensors')).get('logits.lora') ?? [];
  const error = async (dtype: MergedModel['dtype']): Promise<number> =>
    relativeError(await logitsOf(name, await merge(golden(name), { dtype })), expected);
  expect(await error('float32')).toBeLessThan(1e-5);
  expect(await error('bfloat16')).toBeLessThan(2 ** -5);
  expect(await error('float16')).toBeLessThan(2 ** -8);
});

test('the weights are those of merge_and_unload, and a tied head is not written', async () => {
  const merged = readTensors(join(await merge(golden('llama-gqa-tied')), 'model.safetensors'));
  const expected = readTensors(join(goldensFolder, 'merged/llama-gqa-tied.safetensors'));
  expect([...merged.keys()].sort()).toEqual([...expected.keys()].sort());
  // PEFT rounds B A to float32 before it adds; we round the sum only.
  for (const [key, values] of expected) expect(relativeError(merged.get(key) ?? [], values), key).toBeLessThan(2e-7);
});

test('16-bit weights are the float32 ones, rounded to nearest', async () => {
  const exact = readTensors(join(await merge(golden('llama-gqa-tied')), 'model.safetensors'));
  const folders = { bfloat16: float32ToBf16, float16: float32ToF16 };
  for (const [dtype, round] of Object.entries(folders) as ['bfloat16', typeof float32ToBf16][]) {
    const rounded = bytesOf(await merge(golden('llama-gqa-tied'), { dtype }));
    for (const [key, values] of exact) {
      const bytes = Buffer.from(round(values).buffer);
      expect(Buffer.compare(rounded.get(key) ?? Buffer.alloc(0), bytes), `${dtype} ${key}`).toBe(0);
    }
  }
});

test('auto keeps the dtype, and tensors without an adapter to the bit', async () => {
  const name = 'llama-bf16-sharded';
  const merged = await merge(golden(name));
  expect(dtypesOf(merged)).toEqual(new Set(['BF16']));
  const [before, after] = [bytesOf(golden(name)), bytesOf(merged)];
  expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
  const changed = [...before].filter(([key, bytes]) => Buffer.compare(bytes, after.get(key) ?? bytes) !== 0);
  const adapted = readAdapter(join(golden(name), 'adapter')).tensors;
  expect(changed.map(([key]) => key).sort()).toEqual(
    [...adapted.keys()]
      .filter((key) => key.includes('.lora_A.'))
      .map((key) => key.replace('base_model.model.', '').replace('.lora_A', ''))
      .sort(),
  );
});

test('config.json changes in its dtype only, whichever its name; other files come along', async () => {
  const base = scratchFolder();
  cpSync(golden('llama-gqa-tied'), base, { recursive: true });
  const config = readFileSync(join(base, 'config.json'), 'utf8');
  writeFileSync(join(base, 'generation_config.json'), '{"eos_token_id": 2}');
  const tokenizer = join(base, 'tokenizer.json');
  writeFileSync(tokenizer, '{"a": 1}');
  const extras = new Map([['README.md', 'card']]);
  const merged = await merge(base, { dtype: 'bfloat16', tokenizerFiles: [tokenizer], chatTemplate: 'jinja', extras });
  const read = (name: string): string => readFileSync(join(merged, name), 'utf8');
  expect(read('config.json')).toBe(config.replace('"torch_dtype": "float32"', '"torch_dtype": "bfloat16"'));
  expect(read('config.json')).toContain('"rms_norm_eps": 1e-05');
  expect(['generation_config.json', 'tokenizer.json', 'chat_template.jinja', 'README.md'].map(read)).toEqual([
    '{"eos_token_id": 2}',
    '{"a": 1}',
    'jinja',
    'card',
  ]);
  const dtypeIn = async (text: string): Promise<unknown> => {
    writeFileSync(join(base, 'config.json'), text);
    return readJson(join(await merge(base, { dtype: 'float16' }), 'config.json'));
  };
  const renamed = config.replace('torch_dtype', 'dtype');
  expect(await dtypeIn(renamed)).toEqual({ ...(JSON.parse(renamed) as object), dtype: 'float16' });
  const without = config.replace(/ *"torch_dtype".*\n/, '');
  expect(await dtypeIn(without)).toEqual({ ...(JSON.parse(without) as object), torch_dtype: 'float16' });
});

test('a model of several files is read as one of one file; written anew in fewer, no old file stays', async () => {
  const name = 'llama-mha-untied';
  const whole = await merge(golden(name));
  const folder = await merge(golden(name), { maxShardBytes: 20_000 });
  const files = readdirSync(folder).filter((file) => file.endsWith('.safetensors'));
  expect(files.length).toBeGreaterThan(3);
  const index = readJson(join(folder, 'model.safetensors.index.json')) as { metadata: { total_size: number } };
  expect(index.metadata.total_size).toBe([...bytesOf(whole).values()].reduce((sum, { length }) => sum + length, 0));
  expect([...bytesOf(folder)].sort()).toEqual([...bytesOf(whole)].sort());
  for (const file of files)
    expect(readFileSync(join(folder, file), 'latin1')).toContain('"__metadata__":{"format":"pt"}');
  const adapter = readAdapter(join(golden(name), 'adapter'));
  writeFileSync(join(folder, 'notes.txt'), '');
  const again = { base: openModelFolder(golden(name)), adapter, dtype: 'auto', tokenizerFiles: [] } as const;
  await writeMergedModel(folder, { ...again, maxShardBytes: 5e9 });
  expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors', 'notes.txt']);
});

test('what float16 cannot hold is named', async () => {
  const base = scratchFolder();
  cpSync(golden('llama-gqa-tied'), base, { recursive: true });
  const tensors = [...openModelFolder(base).weights.values()].map(({ name, shape }) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 1);
    if (name === 'model.norm.weight') data[3] = -65520;
    if (name.includes('layers.1') && name.includes('q_proj')) data[0] = 1e6;
    return { name, shape, dtype: 'F32' as const, data };
  });
  writeSafetensors(join(base, 'model.safetensors'), tensors);
  const warnings: string[] = [];
  const onWarning = (text: string): void => void warnings.push(text);
  await merge(base, { dtype: 'float16' }, { onWarning });
  expect(warnings).toEqual([expect.stringContaining('model.layers.1.self_attn.q_proj.weight, model.norm.weight:')]);
  expect(warnings[0]).toContain('bfloat16');
  await merge(base, { dtype: 'bfloat16' }, { onWarning });
  expect(warnings).toHaveLength(1);
});

test('a tied head that is stored all the same is left out; counters and the like stay as they are', async () => {
  const base = scratchFolder();
  cpSync(golden('llama-gqa-tied'), base, { recursive: true });
  const stored = [...readTensors(join(base, 'model.safetensors'))].map(([name, data]) => {
    const shape = openModelFolder(base).weights.get(name)?.shape ?? [];
    return { name, shape, dtype: 'F32' as const, data };
  });
  const embeddings = stored.find(({ name }) => name.includes('embed'));
  const steps = { name: 'steps', dtype: 'I64' as const, shape: [1], data: BigInt64Array.of(7n) };
  if (embeddings) stored.push({ ...embeddings, name: 'lm_head.weight' });
  writeSafetensors(join(base, 'model.safetensors'), [...stored, steps]);
  const weights = openModelFolder(await merge(base, { dtype: 'bfloat16' })).weights;
  expect(weights.has('lm_head.weight')).toBe(false);
  expect(weights.get('steps')?.dtype).toBe('I64');
});

test('progress counts bytes, and an abort leaves nothing', async () => {
  const base = golden('llama-mha-untied');
  const folder = scratchFolder();
  const plain = { base: openModelFolder(base), adapter: readAdapter(join(base, 'adapter')), dtype: 'auto' } as const;
  const model = { ...plain, maxShardBytes: 20_000, tokenizerFiles: [] };
  const seen: number[] = [];
  for (const stopAt of [0, 1, 7]) {
    const stopping = new AbortController();
    let calls = 0;
    const onProgress = ({ done, total }: { done: number; total: number }): void => {
      expect(done).toBeLessThanOrEqual(total);
      if (++calls >= stopAt) stopping.abort(new Error('enough'));
    };
    if (stopAt === 0) stopping.abort(new Error('enough'));
    await expect(writeMergedModel(join(folder, 'out'), model, { onProgress, signal: stopping.signal })).rejects.toThrow(
      'enough',
    );
    expect(readdirSync(folder)).toEqual([]);
  }
  await writeMergedModel(join(folder, 'out'), model, { onProgress: ({ done, total }) => void seen.push(done / total) });
  expect(seen.at(-1)).toBe(1);
  expect(seen.every((share, i) => share > (seen[i - 1] ?? 0))).toBe(true);
});

test('what does not fit or holds no numbers is refused, and nothing is left', async () => {
  const base = golden('llama-gqa-tied');
  const folder = scratchFolder();
  const adapter = readAdapter(join(base, 'adapter'));
  const model = {
    base: openModelFolder(base),
    adapter,
    dtype: 'auto',
    maxShardBytes: 5e9,
    tokenizerFiles: [],
  } as const;
  const refusal = async (changes: Partial<MergedModel>): Promise<UserError> => {
    const error: unknown = await writeMergedModel(join(folder, 'out'), { ...model, ...changes }).catch(
      (e: unknown) => e,
    );
    expect(readdirSync(folder)).toEqual([]);
    if (error instanceof UserError) return error;
    throw new Error(`no UserError: ${String(error)}`);
  };
  const foreign = await refusal({ adapter: readAdapter(join(golden('llama-head-dim'), 'adapter')) });
  expect(foreign).toMatchObject({ code: 'adapter-misfit' });
  expect(foreign.message).toMatch(/the weight is \[32, 32\]/);
  const renamed = new Map([...adapter.tensors].map(([key, tensor]) => [key.replace('layers.1', 'layers.9'), tensor]));
  expect((await refusal({ adapter: { ...adapter, tensors: renamed } })).message).toContain('model.layers.9.');
  const broken = new Map(
    [...adapter.tensors].map(([key, { shape, data }]) => [key, { shape, data: data.map(() => NaN) }]),
  );
  expect((await refusal({ adapter: { ...adapter, tensors: broken } })).code).toBe('merged-not-finite');
});

test('a disk without room is found out before anything is written', () => {
  const folder = scratchFolder();
  const error = userErrorOf(() => {
    requireDiskSpace(join(folder, 'not/yet/there'), 1e18);
  });
  expect(error.code).toBe('disk-full');
  expect(error.message).toMatch(/will take 1000000000\.0 GB, and only [\d.]+ [GM]B are free/);
  requireDiskSpace(folder, 1);
  mkdirSync(join(folder, 'here'));
  expect(existsSync(join(folder, 'not'))).toBe(false);
});
