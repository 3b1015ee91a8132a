// Reads test/goldens/llama-* and families/*: what PyTorch, transformers and PEFT computed, and the checkpoint they computed it on.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AdapterTensor } from '../../main/checkpoints/adapter.ts';
import type { Batch } from '../../main/data/types.ts';
import type { DType } from '../../main/engine/graph/tensor.ts';
import type { PlainWeight } from '../../main/engine/nn/weights.ts';
import type { LoraRecipe } from '../../main/training/lora-start.ts';

export const goldensFolder = fileURLToPath(new URL('../goldens', import.meta.url));
export const llamaGoldens = readdirSync(goldensFolder).filter((name) => name.startsWith('llama-'));
/** One or more for every family; under `families/`. */
export const familyGoldens = readdirSync(`${goldensFolder}/families`).map((name) => `families/${name}`);
export const pissaGoldens = readdirSync(goldensFolder).filter((name) => name.startsWith('pissa-'));

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
const dtypes: Record<string, DType> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** Byte ranges of a safetensors file's tensors, read independently of main/checkpoints. */
export function storedWeights(folder: string): Map<string, PlainWeight> {
  const files = readdirSync(folder).filter((name) => name.startsWith('model') && name.endsWith('.safetensors'));
  return new Map(
    files.flatMap((location) => {
      const { header, start } = readHeader(`${folder}/${location}`);
      return Object.entries(header).map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [from, to],
          },
        ]) => {
          const known = dtypes[dtype];
          if (!known) throw new Error(`${location}: ${dtype}`);
          const data = { location, offset: start + from, length: to - from };
          // Of a model that also sees, the names of a model for text.
          return [name.replace(/^language_model\./, ''), { dtype: known, shape, data }] as const;
        },
      );
    }),
  );
}

/** All tensors of a float32 safetensors file. */
export function readTensors(path: string): Map<string, Float32Array> {
  return new Map([...readShapedTensors(path)].map(([name, { data }]) => [name, data]));
}

/** The same with their shapes. */
export function readShapedTensors(path: string): Map<string, AdapterTensor> {
  const { header, start, bytes } = readHeader(path);
  return new Map(
    Object.entries(header).map(([name, { shape, data_offsets: offsets }]) => {
      const [from, to] = [offsets[0] + start + bytes.byteOffset, offsets[1] + start + bytes.byteOffset];
      return [name, { shape, data: new Float32Array(bytes.buffer.slice(from, to)) }];
    }),
  );
}

/** All tensors of a safetensors file that holds float32 and uint8. */
export function readStateTensors(path: string): Map<string, { shape: number[]; data: Float32Array | Uint8Array }> {
  const { header, start, bytes } = readHeader(path);
  return new Map(
    Object.entries(header).map(([name, { dtype, shape, data_offsets: offsets }]) => {
      const [from, to] = [bytes.byteOffset + start + offsets[0], bytes.byteOffset + start + offsets[1]];
      const data = bytes.buffer.slice(from, to);
      return [name, { shape, data: dtype === 'U8' ? new Uint8Array(data) : new Float32Array(data) }];
    }),
  );
}

/** The value of a JSON file; the caller knows its shape. */
export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

export type GoldenBatch = {
  input_ids: number[][];
  position_ids: number[][];
  visible_until: number[][];
  lengths: number[];
  label_rows: number[];
  label_ids: number[];
};

export function goldenBatch(folder: string): Batch {
  const raw = readJson(`${folder}/batch.json`) as GoldenBatch;
  return {
    batch: raw.input_ids.length,
    seq: raw.input_ids[0]?.length ?? 0,
    inputIds: Int32Array.from(raw.input_ids.flat()),
    positionIds: Int32Array.from(raw.position_ids.flat()),
    visibleUntil: Int32Array.from(raw.visible_until.flat()),
    labelRows: Int32Array.from(raw.label_rows),
    labelIds: Int32Array.from(raw.label_ids),
    sequences: 1,
    membership: new Float32Array(raw.label_ids.length).fill(1),
    tokenCount: raw.lengths.reduce((a, b) => a + b, 0),
  };
}

/** Tensors of a golden's adapter; of a model that also sees, under the names of a model for text. */
export function adapterTensors(folder: string): Map<string, Float32Array> {
  const tensors = readTensors(`${folder}/adapter/adapter_model.safetensors`);
  return new Map([...tensors].map(([name, data]) => [name.replace('model.language_model.', 'model.'), data]));
}

/** A recipe that continues an adapter; its own settings then replace the others. */
export function continuedAdapter(path: string): LoraRecipe {
  return { lora_r: 1, lora_alpha: 1, lora_dropout: 0, use_rslora: false, seed: 0, adapter_name_or_path: path };
}

type PissaConfig = {
  r: number;
  lora_alpha: number;
  target_modules: string[];
  use_rslora: boolean;
  use_dora: boolean;
  rank_pattern: Record<string, number>;
};

/**
 * The recipe of a PiSSA golden, and PEFT's start written as this project keeps one in a checkpoint: A and B beside the
 * same again, of which B is negative.
 */
export function pissaStart(folder: string): { recipe: LoraRecipe; tensors: Map<string, AdapterTensor> } {
  const config = readJson(`${folder}/adapter/adapter_config.json`) as PissaConfig;
  const { r, lora_alpha, use_rslora, use_dora, rank_pattern, target_modules } = config;
  const recipe = {
    lora_r: r,
    lora_alpha,
    lora_dropout: 0,
    lora_target_modules: target_modules,
    use_rslora,
    use_dora,
    rank_pattern,
    init_lora_weights: 'pissa',
    seed: 0,
  };
  const tensors = new Map<string, AdapterTensor>();
  for (const [key, { shape, data }] of readShapedTensors(`${folder}/adapter/adapter_model.safetensors`)) {
    const [rows = 0, columns = 0] = shape;
    if (key.includes('lora_A'))
      tensors.set(key, { shape: [2 * rows, columns], data: Float32Array.from([...data, ...data]) });
    else if (key.includes('lora_B')) {
      const beside = Array.from({ length: rows }, (_, row) => {
        const values = [...data.subarray(row * columns, (row + 1) * columns)];
        return [...values, ...values.map((x) => -x)];
      });
      tensors.set(key, { shape: [rows, 2 * columns], data: Float32Array.from(beside.flat()) });
    } else tensors.set(key, { shape, data });
  }
  return { recipe, tensors };
}

/** ||a - b|| / ||b|| */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < b.length; i++) {
    difference += ((a[i] ?? Number.NaN) - (b[i] ?? 0)) ** 2;
    size += (b[i] ?? 0) ** 2;
  }
  if (a.length !== b.length) return Number.NaN;
  return Math.sqrt(difference) / (Math.sqrt(size) || 1);
}

function readHeader(path: string): { header: Header; start: number; bytes: Buffer } {
  if (!existsSync(path)) throw new Error(`${path} is missing`);
  const bytes = readFileSync(path);
  const size = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + size).toString()) as Header & { __metadata__?: unknown };
  delete header.__metadata__;
  return { header, start: 8 + size, bytes };
}
