// Writes a Hugging Face folder with random weights at a real model's shape, for benches. Measures nothing.
// Usage: node test/bench/write-checkpoint.ts FOLDER [layers]
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { float32ToBf16 } from '../../main/checkpoints/float-formats.ts';
import { modelFor } from '../../main/engine/models/registry.ts';

/** The shape of SmolLM2-135M. */
export const smolLm135M = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  attention_bias: false,
  attention_dropout: 0,
  bos_token_id: 0,
  eos_token_id: 0,
  head_dim: 64,
  hidden_act: 'silu',
  hidden_size: 576,
  initializer_range: 0.041666666666666664,
  intermediate_size: 1536,
  max_position_embeddings: 8192,
  mlp_bias: false,
  num_attention_heads: 9,
  num_hidden_layers: 30,
  num_key_value_heads: 3,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  rope_theta: 100000,
  tie_word_embeddings: true,
  torch_dtype: 'float32',
  use_cache: true,
  vocab_size: 49152,
};
export type LlamaShape = typeof smolLm135M;
/** A config of any model_type. */
export type ModelShape = Record<string, unknown> & { initializer_range: number };

/** The shapes of SmolLM2-360M and SmolLM2-1.7B. */
export const smolLm360M: LlamaShape = {
  ...smolLm135M,
  hidden_size: 960,
  intermediate_size: 2560,
  num_attention_heads: 15,
  num_hidden_layers: 32,
  num_key_value_heads: 5,
};
export const smolLm1B7: LlamaShape = {
  ...smolLm135M,
  hidden_size: 2048,
  intermediate_size: 8192,
  num_attention_heads: 32,
  num_hidden_layers: 24,
  num_key_value_heads: 32,
  initializer_range: 0.02,
};

/** Writes config.json and model.safetensors: norms 1, everything else normal with the config's initializer_range. */
export function writeRandomCheckpoint(folder: string, config: ModelShape, dtype: 'F32' | 'BF16' = 'F32'): void {
  mkdirSync(folder, { recursive: true });
  const tensors = modelFor(config).weightShapes;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const [name, shape] of tensors) {
    const end = offset + (dtype === 'F32' ? 4 : 2) * product(shape);
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = JSON.stringify(header);
  const text = Buffer.from(json + ' '.repeat(-json.length & 7));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(join(folder, 'model.safetensors'), 'w');
  try {
    writeSync(file, length);
    writeSync(file, text);
    const normal = normalNumbers(1);
    for (const [name, shape] of tensors) {
      const data = new Float32Array(product(shape));
      if (name.endsWith('norm.weight')) data.fill(1);
      else for (let i = 0; i < data.length; i++) data[i] = normal() * config.initializer_range;
      const bytes = dtype === 'F32' ? data : float32ToBf16(data);
      const all = new Uint8Array(bytes.buffer);
      for (let done = 0; done < all.length;) done += writeSync(file, all, done);
    }
  } finally {
    closeSync(file);
  }
  // Last: where it is, the rest is whole.
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({ ...config, torch_dtype: dtype === 'F32' ? 'float32' : 'bfloat16' }, null, 2),
  );
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

/** Normal numbers (Marsaglia's polar method) over a xorshift32 stream: fast, and the same on every machine. */
function normalNumbers(seed: number): () => number {
  let state = seed;
  let spare: number | undefined;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 0x80000000; // state is a signed 32-bit integer: -1 .. 1
  };
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    for (;;) {
      const [x, y] = [uniform(), uniform()];
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      spare = y * factor;
      return x * factor;
    }
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [folder, layers] = process.argv.slice(2);
  if (!folder) throw new Error('Usage: node test/bench/write-checkpoint.ts FOLDER [layers]');
  writeRandomCheckpoint(folder, { ...smolLm135M, num_hidden_layers: Number(layers ?? smolLm135M.num_hidden_layers) });
}
