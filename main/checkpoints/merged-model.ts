// Writes a base model with an adapter folded into it as a Hugging Face model folder, piece by piece: neither the model
// nor a large tensor is ever whole in memory. The maths is merge-weights.ts's, the cutting into files shards.ts's.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as otherWork } from 'node:timers/promises';
import { modelFor } from '../engine/models/registry.ts';
import { layerLora } from '../engine/nn/lora.ts';
import { UserError } from '../errors.ts';
import type { Adapter, AdapterTensor } from './adapter.ts';
import { adapterKeys, parseAdapterKey } from './adapter-keys.ts';
import { writeLargeFolderAtomically } from './atomic.ts';
import { requireDiskSpace } from './disk-space.ts';
import { withFileProblems } from './file-problem.ts';
import { float32ToBf16, float32ToF16 } from './float-formats.ts';
import { type MergeBranch, mergeLayer } from './merge-weights.ts';
import type { ModelFolder, WeightLocation } from './model-folder.ts';
import { readTensorAsFloat32, readTensorBytes } from './safetensors.ts';
import type { SafetensorsDType } from './safetensors.ts';
import { tensorBytes } from './safetensors-header.ts';
import { writeShards } from './shard-files.ts';
import { planShards } from './shards.ts';
import { copyTokenizerFiles } from './tokenizer-files.ts';

/** "auto" keeps each tensor's own. */
export const mergedDTypes = ['auto', 'float32', 'float16', 'bfloat16'] as const;
export type MergedDType = (typeof mergedDTypes)[number];

export type MergedModel = {
  base: ModelFolder;
  adapter: Adapter;
  dtype: MergedDType;
  /** A larger model is cut into several files. */
  maxShardBytes: number;
  tokenizerFiles: readonly string[];
  /** Jinja source; becomes chat_template.jinja, which readers prefer to the tokenizer's own. */
  chatTemplate?: string | undefined;
  /** Further files: name -> content. */
  extras?: ReadonlyMap<string, string | Uint8Array>;
};

export type MergeHooks = {
  /** Bytes written, of all. */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  /** What a person should know of the result. */
  onWarning?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
};

/** What a merged model consists of, and nothing else: files that an earlier one left and a new one lacks are stale. */
const weightFiles = /^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/;

type Task = {
  name: string;
  weight: WeightLocation;
  branch: MergeBranch | undefined;
  dtype: SafetensorsDType;
  shape: readonly number[];
  bytes: number;
};

/**
 * Writes the folder, or nothing: an abort through the signal throws its reason.
 * @throws UserError "adapter-misfit", "merged-not-finite", "disk-full", "unsupported-dtype" …
 */
export async function writeMergedModel(folder: string, model: MergedModel, hooks: MergeHooks = {}): Promise<void> {
  const { base, dtype, extras = new Map<string, string | Uint8Array>() } = model;
  const plan = planShards(tasksOf(model), model.maxShardBytes);
  const largestSmallFiles = 64e6;
  requireDiskSpace(folder, plan.totalBytes + largestSmallFiles);
  const progress = { done: 0, total: plan.totalBytes };
  const overflowed: string[] = [];
  const pause = async (bytes: number): Promise<void> => {
    progress.done += bytes;
    hooks.onProgress?.({ ...progress });
    await otherWork();
    hooks.signal?.throwIfAborted();
  };
  hooks.signal?.throwIfAborted();
  await writeLargeFolderAtomically(
    folder,
    async (aside) => {
      await writeShards(aside, plan, { piecesOf: (task) => piecesOf(task, overflowed), pause });
      const config = base.isPart
        ? `${JSON.stringify(base.config, null, 2)}\n`
        : withFileProblems(base.path, 'read', () => readFileSync(join(base.path, 'config.json'), 'utf8'));
      writeFileSync(join(aside, 'config.json'), withDType(config, dtype));
      const generation = join(base.path, 'generation_config.json');
      if (existsSync(generation)) copyTokenizerFiles([generation], aside);
      copyTokenizerFiles(model.tokenizerFiles, aside);
      if (model.chatTemplate !== undefined) writeFileSync(join(aside, 'chat_template.jinja'), model.chatTemplate);
      for (const [name, content] of extras) writeFileSync(join(aside, name), content);
    },
    { stale: weightFiles },
  );
  if (overflowed.length > 0) hooks.onWarning?.(overflowWarning(overflowed));
}

const safetensorsNames = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' } as const;
const floats: ReadonlySet<SafetensorsDType> = new Set(['F64', 'F32', 'F16', 'BF16']);

/** What to write, in the order of the model's layers. */
function tasksOf({ base, adapter, dtype }: MergedModel): Task[] {
  const branches = branchesOf(adapter, base);
  const { weightShapes, isTied } = modelFor(base.config);
  const order = [...weightShapes.keys()];
  const place = new Map(order.map((name, i) => [name, i]));
  // A tied head is the embedding itself; a copy of it would be read by nobody, or untie it.
  return [...base.weights.values()]
    .filter(({ name }) => !(isTied && name === 'lm_head.weight'))
    .sort((a, b) => (place.get(a.name) ?? order.length) - (place.get(b.name) ?? order.length))
    .map((weight) => {
      const wanted = dtype === 'auto' || !floats.has(weight.dtype) ? weight.dtype : safetensorsNames[dtype];
      const bytes = tensorBytes(wanted, weight.shape);
      return {
        name: weight.name,
        weight,
        branch: branches.get(weight.name),
        dtype: wanted,
        shape: weight.shape,
        bytes,
      };
    });
}

/** The adapter's part in each weight, by the weight's name. */
function branchesOf({ config, tensors }: Adapter, base: ModelFolder): Map<string, MergeBranch> {
  const misfit = (what: string): UserError =>
    new UserError({
      code: 'adapter-misfit',
      message: `The adapter does not fit the model in ${base.path}: ${what}.`,
      fix: 'Use the model that the adapter was trained on.',
    });
  const modules = [...tensors.keys()].flatMap((key) => {
    const parsed = parseAdapterKey(key);
    return parsed?.part === 'A' ? [parsed.module] : [];
  });
  const settings = {
    rank: config.r,
    alpha: config.lora_alpha,
    rankPattern: config.rank_pattern ?? {},
    alphaPattern: config.alpha_pattern ?? {},
    useRslora: config.use_rslora,
  };
  const { isTied } = modelFor(base.config);
  return new Map(
    modules.map((module) => {
      const name = `${module}.weight`;
      const weight = base.weights.get(name);
      if (weight === undefined || (isTied && name === 'lm_head.weight'))
        throw misfit(`it adapts ${module}, and the model has no weight of its own there`);
      const keys = adapterKeys(module);
      const [a, b] = [tensors.get(keys.a), tensors.get(keys.b)];
      if (a === undefined || b === undefined) throw misfit(`${module} has only one of lora_A and lora_B`);
      const fits = [b.shape[0], a.shape[1]].join() === weight.shape.join();
      if (!fits)
        throw misfit(
          `on ${module} it is [${b.shape[0] ?? 0}, ${a.shape[1] ?? 0}], the weight is [${weight.shape.join(', ')}]`,
        );
      const magnitude = magnitudeOf(module, tensors);
      const { rank, scale } = layerLora(settings, module);
      return [name, { a: a.data, b: b.data, rank, scale, ...(magnitude === undefined ? {} : { magnitude }) }] as const;
    }),
  );
}

/** DoRA's vector of a layer. */
function magnitudeOf(module: string, tensors: ReadonlyMap<string, AdapterTensor>): Float32Array | undefined {
  return tensors.get(adapterKeys(module).a.replace(/\.lora_A\.weight$/, '.lora_magnitude_vector'))?.data;
}

/** Elements of a tensor that are in memory at once, several times over. */
const pieceElements = 2 ** 20;

function* piecesOf(task: Task, overflowed: string[]): Generator<Uint8Array> {
  const { weight, branch, dtype, shape, name } = task;
  const elements = shape.reduce((product, size) => product * size, 1);
  const [rows = 1, width = 1] = branch === undefined ? [elements, 1] : shape;
  const rowBytes = weight.byteLength / Math.max(1, rows);
  const step = Math.max(1, Math.floor(pieceElements / Math.max(1, width)));
  for (let first = 0; first < rows; first += step) {
    const count = Math.min(step, rows - first);
    const range = { byteOffset: weight.byteOffset + first * rowBytes, byteLength: count * rowBytes };
    const part = { ...weight, ...range, shape: [count * width] };
    if (branch === undefined && dtype === weight.dtype) {
      yield readTensorBytes(weight.file, part);
      continue;
    }
    const stored = readTensorAsFloat32(weight.file, part);
    const values = branch === undefined ? stored : mergeLayer(stored, [count, width], rowsOf(branch, first, count));
    if (branch !== undefined) requireFinite(values, stored, name);
    const rounded = roundTo(dtype, values);
    if (rounded.overflowed && !overflowed.includes(name)) overflowed.push(name);
    yield rounded.bytes;
  }
}

function rowsOf({ b, magnitude, ...branch }: MergeBranch, first: number, count: number): MergeBranch {
  return {
    ...branch,
    b: b.subarray(first * branch.rank, (first + count) * branch.rank),
    ...(magnitude === undefined ? {} : { magnitude: magnitude.subarray(first, first + count) }),
  };
}

function requireFinite(values: Float32Array, stored: Float32Array, name: string): void {
  const bad = values.findIndex((value, i) => !Number.isFinite(value) && Number.isFinite(stored[i]));
  if (bad < 0) return;
  throw new UserError({
    code: 'merged-not-finite',
    message: `With the adapter, ${name} would hold ${String(values[bad])}: the adapter's own numbers are not finite or far too large.`,
    fix: 'Export an earlier checkpoint, or train again with a lower learning_rate.',
  });
}

/** Round to nearest, ties to even. `overflowed`: a finite value became infinite. */
function roundTo(dtype: SafetensorsDType, values: Float32Array): { bytes: Uint8Array; overflowed: boolean } {
  if (dtype !== 'F16' && dtype !== 'BF16')
    return { bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength), overflowed: false };
  const [rounded, infinity] = dtype === 'F16' ? [float32ToF16(values), 0x7c00] : [float32ToBf16(values), 0x7f80];
  const overflowed = rounded.some((bits, i) => (bits & 0x7fff) === infinity && Number.isFinite(values[i]));
  return { bytes: new Uint8Array(rounded.buffer), overflowed };
}

function overflowWarning(names: readonly string[]): string {
  const shown = names.slice(0, 4).join(', ') + (names.length > 4 ? ` and ${names.length - 4} more` : '');
  return `${shown}: values beyond float16's largest (65504) became infinite, and the model may answer nonsense. Use bfloat16 instead, which has float32's range.`;
}

/** config.json with another dtype, everything else as it was to the letter: 1e-05 stays 1e-05 and 10000.0 a float. */
function withDType(config: string, dtype: MergedDType): string {
  if (dtype === 'auto') return config;
  const field = /"(torch_dtype|dtype)"(\s*:\s*)(?:"[^"]*"|null)/g;
  if (field.test(config)) return config.replace(field, `"$1"$2"${dtype}"`);
  // Every transformers reads the older name.
  return config.replace('{', `{\n  "torch_dtype": "${dtype}",`);
}
