// A model whose linear layers are rounded to four bits, kept in the cache as one safetensors file with all weights that
// training needs: made once, piece by piece, found again by what it was made from. Its numbers are
// engine/quantization's; tensor names follow bitsandbytes (absmax, nested_absmax, nested_quant_map).
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate as otherWork } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { Model } from '../engine/models/model.ts';
import {
  fourBitBlock,
  type FourBitType,
  type FourBitWeight,
  nestedBlock,
  type NestedScales,
} from '../engine/nn/four-bit.ts';
import type { StoredWeight } from '../engine/nn/weights.ts';
import { dynamicCode } from '../engine/optim/dynamic-code.ts';
import { dequantizeFourBit, nestScales, quantizeFourBit, unnestScales } from '../engine/quantization/four-bit.ts';
import { removeAbandoned, removeFolderAtomically, writeLargeFolderAtomically } from './atomic.ts';
import { requireDiskSpace } from './disk-space.ts';
import { graphDTypes } from './external-data.ts';
import { withFileProblems } from './file-problem.ts';
import type { ModelFolder, WeightLocation } from './model-folder.ts';
import {
  readSafetensorsHeader,
  readTensorAsFloat32,
  readTensorBytes,
  type SafetensorsDType,
  safetensorsHeader,
  type TensorInfo,
} from './safetensors.ts';
import { tensorBytes } from './safetensors-header.ts';
import { weightsFingerprint } from './weights-fingerprint.ts';

export type FourBitSettings = {
  type: FourBitType;
  /** Round the scales as well (bitsandbytes' double quantisation); not for int4. */
  nested: boolean;
};

export type FourBitModel = {
  /** Folder of the file, which the locations of `weights` are relative to. */
  dir: string;
  weights: ReadonlyMap<string, StoredWeight>;
  /** What was rounded, and how: the same for equal weights and settings. */
  fingerprint: string;
};

export type FourBitHooks = {
  /** Bytes done, of all. */
  onProgress?: ((progress: { phase: 'rounding' | 'checking'; done: number; total: number }) => void) | undefined;
  onWarning?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
};

/** Of the layout below. A file of another version is made again. */
const version = 1;
const weightsFile = 'model.safetensors';
const checkFile = 'check.json';
const check = z.object({ bytes: z.int().positive(), crc32: z.int().nonnegative() });

/**
 * The model in four bits: from the cache, where it lies there undamaged, else made now.
 * @throws UserError "disk-full", those of reading the model, and what `signal` was aborted with
 */
export async function fourBitModel(
  folder: ModelFolder,
  model: Pick<Model, 'weightShapes' | 'linears'>,
  settings: FourBitSettings,
  cacheDir: string,
  hooks: FourBitHooks = {},
): Promise<FourBitModel> {
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([version, settings, model.linears, [...model.weightShapes.keys()]]))
    .update(weightsFingerprint(folder))
    .digest('hex');
  const parent = join(cacheDir, '4bit');
  const kind = settings.nested ? `${settings.type}-nested` : settings.type;
  const dir = join(parent, `${basename(folder.path)}-${kind}-${fingerprint.slice(0, 12)}`);
  const open = (): FourBitModel => ({ dir, weights: weightsIn(dir, model, settings), fingerprint });
  if (existsSync(dir)) {
    if (await isWhole(dir, hooks)) return open();
    hooks.onWarning?.('The 4-bit weights in the cache were damaged; they are made again.');
    removeFolderAtomically(dir);
  }
  withFileProblems(parent, 'written', () => mkdirSync(parent, { recursive: true }));
  removeAbandoned(parent);
  try {
    await writeFourBitModel(dir, folder, model, settings, hooks);
  } catch (error) {
    // Another run needed the same weights and was faster.
    if (!existsSync(join(dir, checkFile))) throw error;
  }
  return open();
}

/** A weight of such a model as float32, as the graphs decode it. */
export function readFourBitWeight(dir: string, weight: FourBitWeight): Float32Array {
  const { type, codes, scales, nested, shape } = weight;
  const [out = 0, width = 0] = shape;
  const bytes = (part: { offset: number; length: number }): Uint8Array =>
    readTensorBytes(join(dir, weightsFile), { ...anyTensor, byteOffset: part.offset, byteLength: part.length });
  const floats = (part: { offset: number; length: number }): Float32Array => new Float32Array(bytes(part).buffer);
  const blocks = blocksOf(type, shape);
  const absmax = nested
    ? unnestScales(
        { codes: bytes(scales), scales: floats(nested.scales), offset: floats(nested.offset)[0] ?? 0 },
        floats(nested.map),
        blocks,
      )
    : floats(scales);
  return dequantizeFourBit(type, { codes: bytes(codes), scales: absmax }, [out, width]);
}

const anyTensor: TensorInfo = { name: '', dtype: 'U8', shape: [], byteOffset: 0, byteLength: 0 };
const mapName = 'nested_quant_map';

/** Names of a rounded weight's parts in the file. */
function partNames(name: string): { codes: string; absmax: string; outer: string; offset: string } {
  return { codes: name, absmax: `${name}.absmax`, outer: `${name}.nested_absmax`, offset: `${name}.nested_offset` };
}

function blocksOf(type: FourBitType, shape: readonly number[]): number {
  const [out = 0, width = 0] = shape;
  const block = fourBitBlock[type];
  return type === 'int4' ? out * Math.ceil(width / block) : Math.ceil((out * width) / block);
}

type Part = { name: string; dtype: SafetensorsDType; shape: readonly number[] };

/** What the file holds of a weight, in the order of its data. */
function partsOf(weight: WeightLocation, isRounded: boolean, { type, nested }: FourBitSettings): Part[] {
  const { name, shape, dtype } = weight;
  if (!isRounded) return [{ name, dtype, shape }];
  const [out = 0, width = 0] = shape;
  const names = partNames(name);
  const blocks = blocksOf(type, shape);
  const codeBytes = type === 'int4' ? Math.ceil((out * width) / 2) : (blocks * fourBitBlock[type]) / 2;
  const codes: Part = { name: names.codes, dtype: 'U8', shape: [codeBytes] };
  if (!nested) return [codes, { name: names.absmax, dtype: 'F32', shape: [blocks] }];
  const outer = Math.ceil(blocks / nestedBlock);
  return [
    codes,
    { name: names.absmax, dtype: 'U8', shape: [outer * nestedBlock] },
    { name: names.outer, dtype: 'F32', shape: [outer] },
    { name: names.offset, dtype: 'F32', shape: [1] },
  ];
}

async function writeFourBitModel(
  dir: string,
  folder: ModelFolder,
  model: Pick<Model, 'weightShapes' | 'linears'>,
  settings: FourBitSettings,
  hooks: FourBitHooks,
): Promise<void> {
  const rounded = new Set(model.linears.map((layer) => `${layer}.weight`));
  const weights = [...model.weightShapes.keys()].map((name) => {
    const weight = folder.weights.get(name);
    if (!weight) throw new Error(`the checkpoint has no tensor "${name}"`);
    return { weight, isRounded: rounded.has(name) };
  });
  const map: Part[] = settings.nested ? [{ name: mapName, dtype: 'F32', shape: [nestedBlock] }] : [];
  const parts = [...map, ...weights.flatMap(({ weight, isRounded }) => partsOf(weight, isRounded, settings))];
  const header = safetensorsHeader(parts, { format: 'lorelei-4bit', version: String(version) });
  const total = parts.reduce((sum, { dtype, shape }) => sum + tensorBytes(dtype, shape), header.length);
  requireDiskSpace(dir, total);
  hooks.signal?.throwIfAborted();
  await writeLargeFolderAtomically(dir, async (aside) => {
    const output = openSync(join(aside, weightsFile), 'wx');
    let [done, sum] = [0, 0];
    const write = (values: ArrayBufferView): void => {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      for (let at = 0; at < bytes.length;) at += writeSync(output, bytes, at);
      sum = crc32(bytes, sum);
      done += bytes.length;
    };
    try {
      write(header);
      if (settings.nested) write(dynamicCode(true));
      for (const { weight, isRounded } of weights) {
        for (const bytes of isRounded ? roundedBytes(weight, settings) : plainBytes(weight)) {
          write(bytes);
          hooks.onProgress?.({ phase: 'rounding', done, total });
          await otherWork();
          hooks.signal?.throwIfAborted();
        }
      }
    } finally {
      closeSync(output);
    }
    writeFileSync(join(aside, checkFile), JSON.stringify({ bytes: total, crc32: sum } satisfies z.infer<typeof check>));
  });
}

/** Elements of a weight that are in memory at once, as float32. */
const pieceElements = 2 ** 20;

function* plainBytes(weight: WeightLocation): Generator<Uint8Array> {
  const pieceBytes = 4 * pieceElements;
  for (let from = 0; from < weight.byteLength; from += pieceBytes) {
    const byteLength = Math.min(pieceBytes, weight.byteLength - from);
    yield readTensorBytes(weight.file, { ...weight, byteOffset: weight.byteOffset + from, byteLength });
  }
}

function* roundedBytes(weight: WeightLocation, { type, nested }: FourBitSettings): Generator<ArrayBufferView> {
  const [out = 0, width = 0] = weight.shape;
  const elements = out * width;
  // Whole rows for int4, an even number of them so that a piece ends with a byte; whole blocks for the others.
  const step = type === 'int4' ? width * Math.max(2, 2 * Math.floor(pieceElements / (2 * width))) : pieceElements;
  const elementBytes = weight.byteLength / Math.max(1, elements);
  const absmax = new Float32Array(blocksOf(type, weight.shape));
  let blocks = 0;
  for (let from = 0; from < elements; from += step) {
    const count = Math.min(step, elements - from);
    const range = { byteOffset: weight.byteOffset + from * elementBytes, byteLength: count * elementBytes };
    const values = readTensorAsFloat32(weight.file, { ...weight, ...range, shape: [count] });
    const { codes, scales } = quantizeFourBit(type, values, width);
    absmax.set(scales, blocks);
    blocks += scales.length;
    yield codes;
  }
  if (!nested) {
    yield absmax;
    return;
  }
  const { codes, scales, offset } = nestScales(absmax);
  yield codes;
  yield scales;
  yield Float32Array.of(offset);
}

/** Whether the files are those that were written, to the last bit. */
async function isWhole(dir: string, { onProgress, signal }: FourBitHooks): Promise<boolean> {
  const path = join(dir, weightsFile);
  const expected = check.safeParse(jsonIn(join(dir, checkFile)));
  if (!expected.success || !existsSync(path)) return false;
  const { bytes: total, crc32: wanted } = expected.data;
  const file = withFileProblems(path, 'read', () => openSync(path, 'r'));
  try {
    if (fstatSync(file).size !== total) return false;
    const block = new Uint8Array(2 ** 22);
    let [done, sum] = [0, 0];
    while (done < total) {
      const count = withFileProblems(path, 'read', () => readSync(file, block, 0, block.length, done));
      if (count === 0) return false;
      sum = crc32(block.subarray(0, count), sum);
      done += count;
      onProgress?.({ phase: 'checking', done, total });
      await otherWork();
      signal?.throwIfAborted();
    }
    return sum === wanted;
  } finally {
    closeSync(file);
  }
}

function jsonIn(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined; // missing or no JSON: in either case not what was written
  }
}

function weightsIn(
  dir: string,
  model: Pick<Model, 'weightShapes' | 'linears'>,
  { type, nested }: FourBitSettings,
): Map<string, StoredWeight> {
  const { tensors } = readSafetensorsHeader(join(dir, weightsFile));
  const dataOf = (name: string): { location: string; offset: number; length: number } => {
    const info = tensors.get(name);
    if (!info) throw new Error(`${dir} has no tensor "${name}"`);
    return { location: weightsFile, offset: info.byteOffset, length: info.byteLength };
  };
  const rounded = new Set(model.linears.map((layer) => `${layer}.weight`));
  return new Map(
    [...model.weightShapes].map(([name, shape]): [string, StoredWeight] => {
      if (!rounded.has(name)) {
        const dtype = graphDTypes[tensors.get(name)?.dtype ?? 'U8'];
        if (!dtype) throw new Error(`${dir} holds "${name}" in a type that no graph knows`);
        return [name, { dtype, shape, data: dataOf(name) }];
      }
      const names = partNames(name);
      const outer: { nested: NestedScales } | undefined = nested
        ? { nested: { scales: dataOf(names.outer), offset: dataOf(names.offset), map: dataOf(mapName) } }
        : undefined;
      return [name, { type, shape, codes: dataOf(names.codes), scales: dataOf(names.absmax), ...outer }];
    }),
  );
}
