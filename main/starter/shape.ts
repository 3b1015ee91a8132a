// The starter model's size, and the weights it begins with before any training.

import { specialIds } from './tokenizer-files.ts';
import { createRandom } from './random.ts';

/** config.json of the finished model. */
export const starterConfig = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  attention_bias: false,
  attention_dropout: 0,
  bos_token_id: specialIds.start,
  eos_token_id: specialIds.end,
  pad_token_id: specialIds.pad,
  head_dim: 32,
  hidden_act: 'silu',
  hidden_size: 192,
  initializer_range: 0.04,
  intermediate_size: 512,
  max_position_embeddings: 512,
  mlp_bias: false,
  num_attention_heads: 6,
  num_hidden_layers: 4,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
  use_cache: true,
  vocab_size: 2048,
};

/** Norms begin at 1, all other weights with N(0, initializer_range), as in transformers. */
export function initialWeights(name: string, size: number, seed: number): Float32Array {
  if (name.endsWith('norm.weight')) return new Float32Array(size).fill(1);
  const stream = Buffer.from(name).reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 0);
  const random = createRandom(seed, stream);
  // Box-Muller: a normal deviate from two uniform ones.
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return Float32Array.from({ length: size }, () => starterConfig.initializer_range * normal());
}
