// Writes a GGUF file's model as a Hugging Face model folder, piece by piece: neither the model nor a large tensor is
// ever whole in memory.
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate as otherWork } from 'node:timers/promises';
import { UserError } from '../../errors.ts';
import { writeLargeFolderAtomically } from '../atomic.ts';
import { requireDiskSpace } from '../disk-space.ts';
import { float32ToF16 } from '../float-formats.ts';
import { tensorBytes } from '../safetensors-header.ts';
import { writeShards } from '../shard-files.ts';
import { planShards } from '../shards.ts';
import { convertedFromFile } from './converted-from.ts';
import { modelName } from './file-names.ts';
import type { GgufModel, PlannedTensor } from './model.ts';
import { readGgufBytes, readGgufTensor } from './read-tensor.ts';
import { tokenizerJsonText } from './tokenizer.ts';

export type ConvertHooks = {
  /** Bytes written, of all. */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  signal?: AbortSignal | undefined;
};

const maxShardBytes = 5e9;

/**
 * Writes the folder, or nothing: an abort through the signal throws its reason.
 * @throws UserError "gguf-not-finite", "gguf-truncated", "disk-full" …
 */
export async function convertGguf(model: GgufModel, folder: string, hooks: ConvertHooks = {}): Promise<void> {
  const plan = planShards(
    model.tensors.map((tensor) => ({ ...tensor, bytes: tensorBytes(tensor.dtype, tensor.shape) })),
    maxShardBytes,
  );
  const largestSmallFiles = 64e6;
  requireDiskSpace(folder, plan.totalBytes + largestSmallFiles);
  const progress = { done: 0, total: plan.totalBytes };
  hooks.signal?.throwIfAborted();
  await writeLargeFolderAtomically(folder, async (aside) => {
    await writeShards(aside, plan, {
      piecesOf,
      pause: async (bytes) => {
        progress.done += bytes;
        hooks.onProgress?.({ ...progress });
        await otherWork();
        hooks.signal?.throwIfAborted();
      },
    });
    for (const [name, content] of smallFiles(model)) writeFileSync(join(aside, name), content);
  });
}

function smallFiles(model: GgufModel): [string, string][] {
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  const { config, generationConfig, tokenizer } = model;
  return [
    ['config.json', withFloats(json(config))],
    ['generation_config.json', json(generationConfig)],
    ['tokenizer.json', tokenizerJsonText(tokenizer)],
    ['tokenizer_config.json', json(tokenizer.config)],
    ['README.md', card(model)],
    ...convertedFromFile(model),
  ];
}

/** Keys that are no whole numbers by their nature: transformers refuses 30 for 30.0. */
const floats =
  'attention_multiplier|attn_logit_softcapping|embedding_multiplier|final_logit_softcapping|logits_scaling|residual_multiplier|rms_norm_eps|rope_local_base_freq|rope_theta';

function withFloats(json: string): string {
  return json.replace(new RegExp(`("(?:${floats})": -?\\d+)(?=[,\\s])`, 'g'), '$1.0');
}

/** So that whoever finds the folder knows what it is, and its licence goes on into the cards of adapters. */
function card({ header, metadata, type }: GgufModel): string {
  const licence = ['license', 'license_name', 'license_link'].flatMap((field) => {
    const value = metadata.text(`general.${field.replace('_', '.')}`);
    return value === undefined ? [] : [`${field}: ${JSON.stringify(value)}`];
  });
  const file = modelName(header.path);
  return [
    ...(licence.length > 0 ? ['---', ...licence, '---', ''] : []),
    `# ${file}`,
    '',
    `The weights of ${basename(header.path)} (${type}), turned by Lorelei into what can be trained: quantised weights as float16, all others as they were.`,
    '',
  ].join('\n');
}

/** Elements of a tensor that are in memory at once, several times over. */
const pieceElements = 2 ** 20;

function* piecesOf(tensor: PlannedTensor): Generator<Uint8Array> {
  const { source, dtype, shape, pairedRows, offset = 0 } = tensor;
  const elements = shape.reduce((product, size) => product * size, 1);
  // Of a vector, each element is a row where rows are paired, and blocks may be longer than what is left otherwise.
  const width = shape.length > 1 || pairedRows === undefined ? (shape.at(-1) ?? 1) : 1;
  const rows = elements / width;
  const unit = pairedRows ?? 1;
  const step = unit * Math.max(1, Math.floor(pieceElements / (unit * width)));
  const isAsStored = offset === 0 && (source.type.name === dtype || source.type.name === 'F32');
  for (let first = 0; first < rows; first += step) {
    const count = Math.min(step, rows - first);
    if (isAsStored) {
      const rowBytes = (width / source.type.elements) * source.type.bytes;
      const range = { byteOffset: source.byteOffset + first * rowBytes, byteLength: count * rowBytes };
      const bytes = readGgufBytes(source.path, range);
      yield pairedRows === undefined ? bytes : inHalves(bytes, count, pairedRows);
      continue;
    }
    const values = readGgufTensor(source, first * width, count * width);
    if (offset !== 0) for (const [i, value] of values.entries()) values[i] = value + offset;
    const bytes = stored(values, tensor);
    yield pairedRows === undefined ? bytes : inHalves(bytes, count, pairedRows);
  }
}

/** Rows 0, 2, 4 … of each head, and then 1, 3, 5 …: llama.cpp's order of queries and keys undone. */
export function inHalves(bytes: Uint8Array, rows: number, headRows: number): Uint8Array {
  const rowBytes = bytes.length / rows;
  const half = headRows / 2;
  const result = new Uint8Array(bytes.length);
  for (let row = 0; row < rows; row++) {
    const within = row % headRows;
    const from = row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
    result.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return result;
}

function stored(values: Float32Array, { dtype, source }: PlannedTensor): Uint8Array {
  if (dtype !== 'F16') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const rounded = float32ToF16(values);
  const bad = rounded.findIndex((bits) => (bits & 0x7c00) === 0x7c00);
  if (bad < 0) return new Uint8Array(rounded.buffer);
  throw new UserError({
    code: 'gguf-not-finite',
    message: `${source.name} in ${source.path} holds ${String(values[bad])}, which is no weight that float16 can hold.`,
    fix: 'The file is damaged: download or copy it again.',
  });
}
