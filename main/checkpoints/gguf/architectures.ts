// How llama.cpp's architectures are called and configured in Hugging Face's layout: one entry per architecture, from
// convert_hf_to_gguf.py read backwards. Which of them can be trained is decided by engine/models.
import type { Metadata } from './metadata.ts';
import { ggufUnsupported } from './problems.ts';
import { ropeOf } from './rope.ts';
import { shortFloat } from './short-float.ts';

export type ArchitectureFacts = {
  metadata: Metadata;
  /** general.architecture: the prefix of its own keys. */
  prefix: string;
  /** Whether a tensor of this name is in the file. */
  has: (tensor: string) => boolean;
  /** Values of rope_freqs.weight, where the file has it. */
  ropeFrequencies: Float32Array | undefined;
  /** Values of rope_factors_long.weight and rope_factors_short.weight: LongRoPE's. */
  longFactors: Float32Array | undefined;
  shortFactors: Float32Array | undefined;
};

export type Architecture = {
  modelType: string;
  /** transformers' class. */
  className: string;
  /**
   * llama.cpp rotates neighbouring pairs of a head there, Hugging Face pairs from its two halves: the converter put the
   * rows of queries and keys into the other order.
   */
  pairsNeighbours: boolean;
  /** Only a part of each head may turn. */
  turnsPart: boolean;
  /** Added to norm weights by the converter. */
  normOffset: number;
  /** "blk.3.attn_q" is "model.layers.3.self_attn.q_proj". */
  layerParts: Readonly<Record<string, string>>;
  /** The keys that are the architecture's own, on top of those of all. */
  config: (facts: ArchitectureFacts) => Record<string, unknown>;
};

const attention = {
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
};
const mlp = { ffn_gate: 'mlp.gate_proj', ffn_up: 'mlp.up_proj', ffn_down: 'mlp.down_proj' };
const queryKeyNorms = { attn_q_norm: 'self_attn.q_norm', attn_k_norm: 'self_attn.k_norm' };
const normsBefore = { attn_norm: 'input_layernorm', ffn_norm: 'post_attention_layernorm' };
const normsAfter = { post_attention_norm: 'post_attention_layernorm', post_ffw_norm: 'post_feedforward_layernorm' };
const llamaParts = { ...attention, ...mlp, ...normsBefore };

const silu = { hidden_act: 'silu' };
const headDim = ({ metadata, prefix }: ArchitectureFacts): { head_dim?: number } => {
  const length = metadata.size(`${prefix}.attention.key_length`) ?? metadata.size(`${prefix}.rope.dimension_count`);
  return length === undefined ? {} : { head_dim: length };
};
const optional = (key: string, value: number | undefined): Record<string, number> =>
  value === undefined ? {} : { [key]: shortFloat(value) };

const base = { pairsNeighbours: false, turnsPart: false, normOffset: 0, layerParts: llamaParts };

export const architectures: Readonly<Record<string, Architecture>> = {
  // Mistral's models are "llama", too, or "mistral3": without their sliding window they are the same, and files do not have it.
  llama: {
    ...base,
    modelType: 'llama',
    className: 'LlamaForCausalLM',
    pairsNeighbours: true,
    config: (facts) => ({
      ...silu,
      ...headDim(facts),
      attention_bias: facts.has('blk.0.attn_q.bias'),
      mlp_bias: facts.has('blk.0.ffn_up.bias'),
    }),
  },
  mistral3: {
    ...base,
    modelType: 'mistral',
    className: 'MistralForCausalLM',
    pairsNeighbours: true,
    config: (facts) => ({ ...silu, ...headDim(facts), sliding_window: null }),
  },
  qwen2: {
    ...base,
    modelType: 'qwen2',
    className: 'Qwen2ForCausalLM',
    config: () => ({ ...silu, use_sliding_window: false }),
  },
  qwen3: {
    ...base,
    modelType: 'qwen3',
    className: 'Qwen3ForCausalLM',
    layerParts: { ...llamaParts, ...queryKeyNorms },
    config: (facts) => ({ ...silu, ...headDim(facts), attention_bias: false, use_sliding_window: false }),
  },
  olmo2: {
    ...base,
    modelType: 'olmo2',
    className: 'Olmo2ForCausalLM',
    layerParts: { ...attention, ...mlp, ...queryKeyNorms, ...normsAfter },
    config: () => ({ ...silu, attention_bias: false }),
  },
  granite: {
    ...base,
    modelType: 'granite',
    className: 'GraniteForCausalLM',
    pairsNeighbours: true,
    config: ({ metadata, prefix, has }) => ({
      ...silu,
      ...withRope(metadata, prefix),
      attention_bias: has('blk.0.attn_q.bias'),
      mlp_bias: has('blk.0.ffn_up.bias'),
      ...optional('attention_multiplier', metadata.number(`${prefix}.attention.scale`)),
      ...optional('embedding_multiplier', metadata.number(`${prefix}.embedding_scale`)),
      ...optional('residual_multiplier', metadata.number(`${prefix}.residual_scale`)),
      ...optional('logits_scaling', metadata.number(`${prefix}.logit_scale`)),
    }),
  },
  smollm3: {
    ...base,
    modelType: 'smollm3',
    className: 'SmolLM3ForCausalLM',
    pairsNeighbours: true,
    // Which layers know no positions stands nowhere in the file; in llama.cpp it is every fourth.
    config: ({ metadata, prefix }) => ({
      ...silu,
      attention_bias: false,
      mlp_bias: false,
      no_rope_layer_interval: 4,
      no_rope_layers: perLayer(metadata, prefix, (i) => ((i + 1) % 4 === 0 ? 0 : 1)),
    }),
  },
  phi3: {
    ...base,
    modelType: 'phi3',
    className: 'Phi3ForCausalLM',
    turnsPart: true,
    layerParts: {
      attn_qkv: 'self_attn.qkv_proj',
      attn_output: attention.attn_output,
      ffn_up: 'mlp.gate_up_proj',
      ffn_down: mlp.ffn_down,
      ...normsBefore,
    },
    config: ({ metadata, prefix }) => {
      const positions = metadata.requiredSize(`${prefix}.context_length`);
      // Files older than the key: what llama.cpp took for them. No row is as long as the windows of the 128k models.
      const window = metadata.number(`${prefix}.attention.sliding_window`) ?? (positions === 4096 ? 2047 : 0);
      return {
        ...silu,
        attention_bias: false,
        sliding_window: window === 0 ? null : window,
        original_max_position_embeddings: metadata.size(`${prefix}.rope.scaling.original_context_length`) ?? positions,
      };
    },
  },
  gemma2: {
    ...base,
    modelType: 'gemma2',
    className: 'Gemma2ForCausalLM',
    normOffset: 1,
    layerParts: { ...attention, ...mlp, ...normsAfter, ...gemmaNorms() },
    config: (facts) => ({
      ...gemma(facts, 46, (i) => i % 2 === 0),
      ...optional('attn_logit_softcapping', facts.metadata.number(`${facts.prefix}.attn_logit_softcapping`)),
      ...optional('final_logit_softcapping', facts.metadata.number(`${facts.prefix}.final_logit_softcapping`)),
    }),
  },
  gemma3: {
    ...base,
    modelType: 'gemma3_text',
    className: 'Gemma3ForCausalLM',
    normOffset: 1,
    layerParts: { ...attention, ...mlp, ...queryKeyNorms, ...normsAfter, ...gemmaNorms() },
    config: (facts) => {
      const { metadata, prefix } = facts;
      const period = metadata.whole(`${prefix}.attention.sliding_window_pattern`) ?? 6;
      return {
        ...gemma(facts, 62, (i) => (i + 1) % period !== 0),
        rope_local_base_freq: shortFloat(metadata.number(`${prefix}.rope.freq_base_swa`) ?? 10000),
        ...optional('final_logit_softcapping', metadata.number(`${prefix}.final_logit_softcapping`)),
      };
    },
  },
};

/** llama.cpp's Granite has positions unless this says otherwise; transformers' always has them. */
function withRope(metadata: Metadata, prefix: string): Record<string, never> {
  if (metadata.flag(`${prefix}.rope.scaling.finetuned`) !== false) return {};
  throw ggufUnsupported(metadata.path, 'it is a Granite model without RoPE, of the hybrid kind');
}

function gemmaNorms(): Record<string, string> {
  return { attn_norm: 'input_layernorm', ffn_norm: 'pre_feedforward_layernorm' };
}

/** Of both: what llama.cpp knows of them and files do not say is the scale of the largest model's attention. */
function gemma(
  facts: ArchitectureFacts,
  layersOfLargest: number,
  isLocal: (layer: number) => boolean,
): Record<string, unknown> {
  const { metadata, prefix } = facts;
  const width = metadata.requiredSize(`${prefix}.embedding_length`);
  const heads = metadata.requiredSize(`${prefix}.attention.head_count`);
  const { head_dim: head = width / heads } = headDim(facts);
  const isLargest = metadata.requiredSize(`${prefix}.block_count`) === layersOfLargest;
  return {
    hidden_activation: 'gelu_pytorch_tanh',
    attention_bias: false,
    head_dim: head,
    query_pre_attn_scalar: isLargest ? width / heads : head,
    sliding_window: metadata.requiredSize(`${prefix}.attention.sliding_window`),
    layer_types: perLayer(metadata, prefix, (i) => (isLocal(i) ? 'sliding_attention' : 'full_attention')),
  };
}

function perLayer<T>(metadata: Metadata, prefix: string, of: (layer: number) => T): T[] {
  return Array.from({ length: metadata.requiredSize(`${prefix}.block_count`) }, (_, i) => of(i));
}

/** config.json without what the tokenizer adds to it. `rows` of the embedding. @throws UserError "gguf-unsupported" */
export function configOf(architecture: Architecture, facts: ArchitectureFacts, rows: number): Record<string, unknown> {
  const { metadata, prefix } = facts;
  const size = (key: string): number => metadata.requiredSize(`${prefix}.${key}`);
  const epsilon = metadata.number(`${prefix}.attention.layer_norm_rms_epsilon`);
  if (epsilon === undefined)
    throw ggufUnsupported(metadata.path, `it has no ${prefix}.attention.layer_norm_rms_epsilon`);
  const heads = size('attention.head_count');
  const config = {
    architectures: [architecture.className],
    model_type: architecture.modelType,
    hidden_size: size('embedding_length'),
    intermediate_size: size('feed_forward_length'),
    num_hidden_layers: size('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: metadata.whole(`${prefix}.attention.head_count_kv`) ?? heads,
    vocab_size: rows,
    max_position_embeddings: size('context_length'),
    rms_norm_eps: shortFloat(epsilon),
    tie_word_embeddings: !facts.has('output.weight'),
    ...ropeOf(facts, architecture),
    ...architecture.config(facts),
  };
  const ignored = metadata.unread(changesModel.map((key) => `${prefix}.${key}`));
  if (ignored !== undefined)
    throw ggufUnsupported(
      metadata.path,
      `it has ${ignored}, which ${architecture.modelType} models do not: they would compute something else`,
    );
  return config;
}

/** What would be another model without a word where a file has it and its architecture's entry does not read it. */
const changesModel = [
  'attention.clamp_kqv',
  'attention.max_alibi_bias',
  'attention.output_scale',
  'attention.scale',
  'attention.shared_kv_layers',
  'attention.sliding_window',
  'attention.temperature_scale',
  'attn_logit_softcapping',
  'embedding_scale',
  'expert_count',
  'final_logit_softcapping',
  'logit_scale',
  'n_deepstack_layers',
  'residual_scale',
  'rope.dimension_sections',
  'rope.scaling.alpha',
  'rope.scaling.yarn_log_multiplier',
];
