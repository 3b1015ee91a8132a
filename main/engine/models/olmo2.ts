// OLMo 2 (OLMo Team 2024, arXiv:2501.00656): norms after attention and MLP instead of before them, and over the whole
// width of queries and keys.
import { z } from 'zod';
import { decoderConfig, headsOf, parseConfig, requireSilu } from './config.ts';
import { decoder } from './decoder.ts';
import { llamaWays } from './decoder-shape.ts';
import type { Model } from './model.ts';
import { ropeKeys, ropeSettings } from './rope-config.ts';

const olmo2Config = decoderConfig.extend({
  ...ropeKeys,
  rms_norm_eps: z.number().positive().default(1e-5),
  attention_bias: z.boolean().default(false),
});

export function olmo2(rawConfig: Record<string, unknown>): Model {
  const config = parseConfig(olmo2Config, rawConfig);
  requireSilu(config);
  const rope = ropeSettings(config);
  const { attention_bias: bias } = config;
  return decoder({
    ...llamaWays,
    modelType: 'olmo2',
    config,
    heads: headsOf(config),
    layers: Array.from({ length: config.num_hidden_layers }, () => ({ rope })),
    attention: { ...llamaWays.attention, qkvBias: bias, outBias: bias, queryKeyNorm: 'whole' },
    norms: { afterAttention: 'post_attention_layernorm', afterMlp: 'post_feedforward_layernorm' },
  });
}
