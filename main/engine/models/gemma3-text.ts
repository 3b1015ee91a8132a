// Gemma 3 for text (Gemma Team 2025, arXiv:2503.19786): Gemma 2 with normed queries and keys instead of capped scores,
// and a base of RoPE of its own for the layers with a window.
import { z } from 'zod';
import type { RopeSettings } from '../nn/rope-frequencies.ts';
import { headsOf, parseConfig } from './config.ts';
import { decoder } from './decoder.ts';
import { gemmaConfig, gemmaWays, layerTypes } from './gemma2.ts';
import type { Model } from './model.ts';
import { ropeFrom, ropeKeys, ropeParametersByLayer } from './rope-config.ts';

const gemma3Config = gemmaConfig.extend({
  ...ropeKeys,
  rope_parameters: ropeParametersByLayer.nullish(),
  rope_local_base_freq: z.number().positive().nullish(),
  sliding_window_pattern: z.int().positive().default(6),
  max_position_embeddings: z.int().positive().default(131_072),
});

export function gemma3Text(rawConfig: Record<string, unknown>): Model {
  const config = parseConfig(gemma3Config, rawConfig);
  const { global, local } = ropes(config);
  const types = layerTypes(config, (i) => (i + 1) % config.sliding_window_pattern !== 0);
  const ways = gemmaWays(config);
  return decoder({
    ...ways,
    modelType: 'gemma3_text',
    config,
    heads: headsOf(config),
    layers: types.map((isWindowed) =>
      isWindowed ? { rope: local, window: config.sliding_window ?? undefined } : { rope: global },
    ),
    // transformers reads the cap of scores and does not use it.
    attention: { ...ways.attention, softcap: undefined, queryKeyNorm: 'each head' },
  });
}

/** In older configs rope_scaling is for the layers without a window alone. */
function ropes(config: z.infer<typeof gemma3Config>): { global: RopeSettings; local: RopeSettings } {
  const { rope_parameters: byLayer, rope_scaling: scaling } = config;
  const full = { ...byLayer?.full_attention, ...scaling };
  const sliding = byLayer?.sliding_attention ?? {};
  const own = { ...config, rope_parameters: undefined };
  const settings = (parameters: typeof full, theta: number): RopeSettings =>
    ropeFrom(own, { ...parameters, rope_theta: parameters.rope_theta ?? theta }, { turnsPart: false });
  return {
    global: settings(full, config.rope_theta ?? 1_000_000),
    local: settings(sliding, config.rope_local_base_freq ?? 10_000),
  };
}
