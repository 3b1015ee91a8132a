// Gemma 2 (Gemma Team 2024, arXiv:2408.00118): norms around both parts of a layer, capped scores and logits, a window
// in every other layer.
import { z } from 'zod';
import {
  type DecoderConfig,
  decoderConfig,
  headsOf,
  invalid,
  parseConfig,
  requirePerLayer,
  windowKeys,
} from './config.ts';
import { decoder } from './decoder.ts';
import { type DecoderShape, llamaWays } from './decoder-shape.ts';
import type { Model } from './model.ts';
import { ropeKeys, ropeSettings } from './rope-config.ts';

const cap = z.number().positive().nullish();

/** Keys of Gemma 2 and 3, with the defaults of both. */
export const gemmaConfig = decoderConfig.extend({
  ...windowKeys,
  sliding_window: windowKeys.sliding_window.default(4096),
  head_dim: z.int().positive().default(256),
  hidden_activation: z.string().nullish(),
  query_pre_attn_scalar: z.number().positive().default(256),
  tie_word_embeddings: z.boolean().default(true),
  attention_bias: z.boolean().default(false),
  attn_logit_softcapping: cap,
  final_logit_softcapping: cap,
  use_bidirectional_attention: z.boolean().nullish(),
});
type GemmaConfig = z.infer<typeof gemmaConfig>;

const gemma2Config = gemmaConfig.extend({
  ...ropeKeys,
  attn_logit_softcapping: cap.default(50),
  final_logit_softcapping: cap.default(30),
});

export function gemma2(rawConfig: Record<string, unknown>): Model {
  const config = parseConfig(gemma2Config, rawConfig);
  const rope = ropeSettings(config);
  const types = layerTypes(config, (i) => i % 2 === 0);
  return decoder({
    ...gemmaWays(config),
    modelType: 'gemma2',
    config,
    heads: headsOf(config),
    layers: types.map((isWindowed) => ({
      rope,
      window: isWindowed ? (config.sliding_window ?? undefined) : undefined,
    })),
  });
}

/** Whether each layer has a window: as layer_types says, or `otherwise`. */
export function layerTypes(config: GemmaConfig, otherwise: (index: number) => boolean): boolean[] {
  const { layer_types: types } = config;
  if (types) requirePerLayer(config, 'layer_types', types);
  return Array.from({ length: config.num_hidden_layers }, (_, i) =>
    types ? types[i] === 'sliding_attention' : otherwise(i),
  );
}

/** What Gemma 2 and 3 share. */
export function gemmaWays(config: GemmaConfig): Omit<DecoderShape, 'modelType' | 'config' | 'heads' | 'layers'> {
  requireGelu(config);
  if (config.use_bidirectional_attention)
    throw invalid('use_bidirectional_attention', 'models whose tokens see later ones are for embeddings, not for text');
  const { attention_bias: bias } = config;
  return {
    ...llamaWays,
    attention: {
      ...llamaWays.attention,
      qkvBias: bias,
      outBias: bias,
      scale: config.query_pre_attn_scalar ** -0.5,
      softcap: config.attn_logit_softcapping ?? undefined,
    },
    mlp: { ...llamaWays.mlp, activation: 'gelu-tanh' },
    norms: {
      beforeAttention: 'input_layernorm',
      afterAttention: 'post_attention_layernorm',
      beforeMlp: 'pre_feedforward_layernorm',
      afterMlp: 'post_feedforward_layernorm',
    },
    normOffset: 1,
    embeddingScale: { factor: Math.sqrt(config.hidden_size), isInLayer: true },
    logitSoftcap: config.final_logit_softcapping ?? undefined,
  };
}

function requireGelu(config: DecoderConfig & { hidden_activation?: string | null | undefined }): void {
  const activation = config.hidden_activation ?? 'gelu_pytorch_tanh';
  if (activation !== 'gelu_pytorch_tanh')
    throw invalid('hidden_activation', `"${activation}" is not supported; gelu_pytorch_tanh is`);
}
