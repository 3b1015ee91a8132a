// The cache of models in four bits: found again, noticed when damaged, absent when interrupted.
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fourBitModel, type FourBitHooks, readFourBitWeight } from '../../main/checkpoints/four-bit-model.ts';
import { openModelFolder } from '../../main/checkpoints/model-folder.ts';
import { modelFor } from '../../main/engine/models/registry.ts';
import { goldensFolder, readTensors, relativeError } from '../support/goldens.ts';
import { tempFolder } from '../support/temp-folder.ts';

const { path: work } = tempFolder();
const nf4 = { type: 'nf4', nested: false } as const;
const base = openModelFolder(`${goldensFolder}/llama-bias`);
const model = modelFor(base.config);
let caches = 0;
const newCache = (): string => join(work, `cache-${(caches += 1)}`);

type Told = { phases: Set<string>; warnings: string[]; hooks: FourBitHooks };
function listen(): Told {
  const told = { phases: new Set<string>(), warnings: [] as string[] };
  const hooks = {
    onProgress: ({ phase, done, total }: { phase: string; done: number; total: number }) => {
      expect(done).toBeLessThanOrEqual(total);
      told.phases.add(phase);
    },
    onWarning: (message: string) => void told.warnings.push(message),
  };
  return { ...told, hooks };
}

test('is made once, and found again by what it was made from wherever that lies', async () => {
  const cache = newCache();
  const first = listen();
  const made = await fourBitModel(base, model, nf4, cache, first.hooks);
  expect([...first.phases]).toEqual(['rounding']);
  const copy = join(work, 'elsewhere', 'llama-bias');
  cpSync(base.path, copy, { recursive: true });
  const second = listen();
  const found = await fourBitModel(openModelFolder(copy), model, nf4, cache, second.hooks);
  expect([...second.phases]).toEqual(['checking']);
  expect(found).toEqual(made);
  expect(readdirSync(join(cache, '4bit'))).toHaveLength(1);
  for (const settings of [
    { type: 'nf4', nested: true },
    { type: 'fp4', nested: false },
    { type: 'int4', nested: false },
  ] as const)
    await fourBitModel(base, model, settings, cache);
  expect(readdirSync(join(cache, '4bit'))).toHaveLength(4);

  // Other weights of the same shapes are another model.
  const file = join(copy, 'model.safetensors');
  const bytes = readFileSync(file);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(file, bytes);
  const other = await fourBitModel(openModelFolder(copy), model, nf4, cache);
  expect(other.dir).not.toBe(made.dir);
  expect(other.fingerprint).not.toBe(made.fingerprint);
});

test('rounds the linear layers and keeps embeddings, norms, biases and the head as they are', async () => {
  const { dir, weights } = await fourBitModel(base, model, nf4, newCache());
  const original = readTensors(join(base.path, 'model.safetensors'));
  expect([...weights.keys()].sort()).toEqual([...original.keys()].sort());
  const stored = readFileSync(join(dir, 'model.safetensors'));
  for (const [name, weight] of weights) {
    const values = original.get(name) ?? new Float32Array();
    if ('codes' in weight) {
      expect(model.linears).toContain(name.replace(/\.weight$/, ''));
      const error = relativeError(readFourBitWeight(dir, weight), values);
      // Rounding normal numbers to NF4 in blocks of 64 costs about a tenth of their size.
      expect(error).toBeGreaterThan(0.05);
      expect(error).toBeLessThan(0.12);
    } else {
      const { offset, length } = weight.data;
      const bytes = stored.subarray(offset, offset + length);
      expect(bytes.equals(Buffer.from(values.buffer, values.byteOffset, values.byteLength)), name).toBe(true);
    }
  }
});

test.each([
  [
    'a flipped bit',
    (file: string) => {
      const bytes = readFileSync(file);
      const middle = Math.floor(bytes.length / 2);
      bytes[middle] = (bytes[middle] ?? 0) ^ 16;
      writeFileSync(file, bytes);
    },
  ],
  ['a file that is cut off', (file: string) => writeFileSync(file, readFileSync(file).subarray(0, -100))],
  ['a file that goes on', (file: string) => appendFileSync(file, 'x')],
  ['no file', (file: string) => rmSync(file)],
  ['no check', (file: string) => rmSync(join(file, '..', 'check.json'))],
])('%s is noticed, told and mended', async (_, damage) => {
  const cache = newCache();
  const made = await fourBitModel(base, model, nf4, cache);
  const file = join(made.dir, 'model.safetensors');
  const good = readFileSync(file);
  damage(file);
  const { warnings, hooks } = listen();
  expect(await fourBitModel(base, model, nf4, cache, hooks)).toEqual(made);
  expect(warnings).toEqual([expect.stringContaining('damaged')]);
  expect(readFileSync(file).equals(good)).toBe(true);
});

test('an abort leaves nothing, and what killed processes left is cleared away', async () => {
  const cache = newCache();
  const stop = new AbortController();
  let pieces = 0;
  const aborted = fourBitModel(base, model, nf4, cache, {
    signal: stop.signal,
    onProgress: () => {
      if (++pieces === 5) stop.abort(new Error('enough'));
    },
  });
  await expect(aborted).rejects.toThrow('enough');
  expect(pieces).toBe(5);
  expect(readdirSync(join(cache, '4bit'))).toEqual([]);
  // No process has this number: it is beyond what Linux gives out.
  const left = join(cache, '4bit', '.x.partial-4194305-00');
  mkdirSync(left);
  const { dir } = await fourBitModel(base, model, nf4, cache);
  expect(existsSync(left)).toBe(false);
  expect(readdirSync(dir).sort()).toEqual(['check.json', 'model.safetensors']);
});

test('two at once are both served', async () => {
  const cache = newCache();
  const [a, b] = await Promise.all([fourBitModel(base, model, nf4, cache), fourBitModel(base, model, nf4, cache)]);
  expect(a).toEqual(b);
  expect(readdirSync(join(cache, '4bit'))).toHaveLength(1);
});
