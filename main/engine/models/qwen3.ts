// Qwen3 (Yang et al. 2025, arXiv:2505.09388): each head of queries and keys is normed; no biases unless asked for.
import { z } from 'zod';
import { headsOf, parseConfig, requireSilu } from './config.ts';
import { decoder } from './decoder.ts';
import { llamaWays } from './decoder-shape.ts';
import type { Model } from './model.ts';
import { qwenConfig, qwenLayers } from './qwen2.ts';

const qwen3Config = qwenConfig.extend({
  head_dim: z.int().positive().default(128),
  attention_bias: z.boolean().default(false),
});

export function qwen3(rawConfig: Record<string, unknown>): Model {
  const config = parseConfig(qwen3Config, rawConfig);
  requireSilu(config);
  const { attention_bias: bias } = config;
  return decoder({
    ...llamaWays,
    modelType: 'qwen3',
    config,
    heads: headsOf(config),
    layers: qwenLayers(config),
    attention: { ...llamaWays.attention, qkvBias: bias, outBias: bias, queryKeyNorm: 'each head' },
  });
}
