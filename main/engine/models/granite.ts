// Granite 3 (IBM 2024): Llama with multipliers for embeddings, attention, residuals and logits (muP: Yang et al. 2022,
// arXiv:2203.03466).
import { z } from 'zod';
import { decoderConfig, headsOf, parseConfig, requireSilu } from './config.ts';
import { decoder } from './decoder.ts';
import { llamaWays } from './decoder-shape.ts';
import type { Model } from './model.ts';
import { ropeKeys, ropeSettings } from './rope-config.ts';

const multiplier = z.number().positive().default(1);

const graniteConfig = decoderConfig.extend({
  ...ropeKeys,
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  embedding_multiplier: multiplier,
  attention_multiplier: multiplier,
  residual_multiplier: multiplier,
  logits_scaling: multiplier,
});

export function granite(rawConfig: Record<string, unknown>): Model {
  const config = parseConfig(graniteConfig, rawConfig);
  requireSilu(config);
  const rope = ropeSettings(config);
  const { attention_bias: bias } = config;
  return decoder({
    ...llamaWays,
    modelType: 'granite',
    config,
    heads: headsOf(config),
    layers: Array.from({ length: config.num_hidden_layers }, () => ({ rope })),
    attention: { ...llamaWays.attention, qkvBias: bias, outBias: bias, scale: config.attention_multiplier },
    mlp: { ...llamaWays.mlp, bias: config.mlp_bias },
    embeddingScale: { factor: config.embedding_multiplier, isInLayer: false },
    residualScale: config.residual_multiplier,
    logitScale: 1 / config.logits_scaling,
  });
}
