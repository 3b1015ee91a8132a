// The words in which a family's file says how its decoder differs from Llama's, and the tensors that follow from them.
import type { Heads } from '../nn/attention.ts';
import type { GatedMlpSettings } from '../nn/gated-mlp.ts';
import type { RopeSettings } from '../nn/rope-frequencies.ts';
import type { DecoderConfig } from './config.ts';

/** How far the attention of a layer reaches and how it knows the order of tokens. */
export type LayerKind = {
  /** Tokens that a token sees, itself among them; all before it where absent. */
  window?: number | undefined;
  /** Absent: the layer knows no positions. */
  rope?: RopeSettings | undefined;
};

export type AttentionShape = {
  /** One layer qkv_proj holds the rows of all three. */
  isFused: boolean;
  qkvBias: boolean;
  outBias: boolean;
  /** Queries and keys are normed, each head by itself or all together. */
  queryKeyNorm?: 'each head' | 'whole';
  /** What scores are multiplied by; 1 / sqrt(headDim) where absent. */
  scale?: number;
  softcap?: number | undefined;
};

/** Names of the norms before and after the two parts of a layer. */
export type LayerNorms = { beforeAttention?: string; afterAttention?: string; beforeMlp?: string; afterMlp?: string };

export type DecoderShape = {
  modelType: string;
  config: DecoderConfig;
  heads: Heads;
  layers: readonly LayerKind[];
  attention: AttentionShape;
  mlp: GatedMlpSettings & { bias: boolean };
  norms: LayerNorms;
  /** Norms multiply by this much more than their weights: 1 for Gemma. */
  normOffset: number;
  /** Embeddings are multiplied by this: in the embedding layer, or behind it. */
  embeddingScale: { factor: number; isInLayer: boolean };
  /** What each part of a layer gives is multiplied by this before it is added. */
  residualScale: number;
  /** Logits are multiplied by this. */
  logitScale: number;
  logitSoftcap: number | undefined;
  defaultLoraTargets: readonly string[];
};

/** What all families share unless their file says otherwise: Llama's ways, but its layers. */
export const llamaWays = {
  attention: { isFused: false, qkvBias: false, outBias: false },
  mlp: { activation: 'silu', isFused: false, bias: false },
  norms: { beforeAttention: 'input_layernorm', beforeMlp: 'post_attention_layernorm' },
  normOffset: 0,
  embeddingScale: { factor: 1, isInLayer: true },
  residualScale: 1,
  logitScale: 1,
  logitSoftcap: undefined,
  // PEFT's table has these for every family here that it knows.
  defaultLoraTargets: ['q_proj', 'v_proj'],
} as const satisfies Partial<DecoderShape>;

export const embeddingName = 'model.embed_tokens.weight';

/** Every tensor of the checkpoint in the order of the layers, and the names of the linear layers but the head. */
export function tensorsOf({ config, heads: sizes, layers, attention, mlp, norms }: DecoderShape): {
  weightShapes: ReadonlyMap<string, readonly number[]>;
  linears: readonly string[];
  headWeight: string;
} {
  const weightShapes = new Map<string, readonly number[]>();
  const linears: string[] = [];
  const { hidden_size: hidden, intermediate_size: inner, vocab_size: vocab } = config;
  const [queries, keys] = [sizes.heads * sizes.headDim, sizes.kvHeads * sizes.headDim];
  const addLinear = (name: string, out: number, width: number, bias: boolean): void => {
    linears.push(name);
    weightShapes.set(`${name}.weight`, [out, width]);
    if (bias) weightShapes.set(`${name}.bias`, [out]);
  };
  weightShapes.set(embeddingName, [vocab, hidden]);
  for (const [i] of layers.entries()) {
    const layer = `model.layers.${i}`;
    const addNorm = (name: string | undefined, width = hidden): void => {
      if (name !== undefined) weightShapes.set(`${layer}.${name}.weight`, [width]);
    };
    addNorm(norms.beforeAttention);
    if (attention.isFused) addLinear(`${layer}.self_attn.qkv_proj`, queries + 2 * keys, hidden, attention.qkvBias);
    else {
      addLinear(`${layer}.self_attn.q_proj`, queries, hidden, attention.qkvBias);
      addLinear(`${layer}.self_attn.k_proj`, keys, hidden, attention.qkvBias);
      addLinear(`${layer}.self_attn.v_proj`, keys, hidden, attention.qkvBias);
    }
    addLinear(`${layer}.self_attn.o_proj`, hidden, queries, attention.outBias);
    if (attention.queryKeyNorm !== undefined) {
      const isEach = attention.queryKeyNorm === 'each head';
      addNorm('self_attn.q_norm', isEach ? sizes.headDim : queries);
      addNorm('self_attn.k_norm', isEach ? sizes.headDim : keys);
    }
    addNorm(norms.afterAttention);
    addNorm(norms.beforeMlp);
    if (mlp.isFused) addLinear(`${layer}.mlp.gate_up_proj`, 2 * inner, hidden, mlp.bias);
    else {
      addLinear(`${layer}.mlp.gate_proj`, inner, hidden, mlp.bias);
      addLinear(`${layer}.mlp.up_proj`, inner, hidden, mlp.bias);
    }
    addLinear(`${layer}.mlp.down_proj`, hidden, inner, mlp.bias);
    addNorm(norms.afterMlp);
  }
  weightShapes.set('model.norm.weight', [hidden]);
  const headWeight = config.tie_word_embeddings ? embeddingName : 'lm_head.weight';
  weightShapes.set(headWeight, [vocab, hidden]);
  return { weightShapes, linears, headWeight };
}
