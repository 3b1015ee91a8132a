// Phi-3, 3.5 and 4 (Abdin et al. 2024, arXiv:2404.14219): one projection for queries, keys and values, one for gate and
// up; LongRoPE; in Phi-4-mini only a part of each head turns.
import { z } from 'zod';
import { decoderConfig, headsOf, parseConfig, requireSilu, windowKeys } from './config.ts';
import { decoder } from './decoder.ts';
import { llamaWays } from './decoder-shape.ts';
import type { Model } from './model.ts';
import { partialRopeSettings, type RopeParameters, ropeKeys } from './rope-config.ts';

const phi3Config = decoderConfig.extend({
  ...ropeKeys,
  sliding_window: windowKeys.sliding_window,
  rms_norm_eps: z.number().positive().default(1e-5),
  max_position_embeddings: z.int().positive().default(4096),
  original_max_position_embeddings: z.int().positive().default(4096),
});

export function phi3(rawConfig: Record<string, unknown>): Model {
  const config = parseConfig(phi3Config, rawConfig);
  requireSilu(config);
  const named = {
    ...config,
    rope_scaling: longrope(config.rope_scaling),
    rope_parameters: longrope(config.rope_parameters),
  };
  const layer = { window: config.sliding_window ?? undefined, rope: partialRopeSettings(named) };
  return decoder({
    ...llamaWays,
    modelType: 'phi3',
    config,
    heads: headsOf(config),
    layers: Array.from({ length: config.num_hidden_layers }, () => layer),
    attention: { ...llamaWays.attention, isFused: true },
    mlp: { ...llamaWays.mlp, isFused: true },
    // PEFT's table does not have this family; this is the layer with the rows of its usual targets.
    defaultLoraTargets: ['qkv_proj'],
  });
}

/** The first releases called LongRoPE "su" or "yarn". */
function longrope(parameters: RopeParameters | null | undefined): RopeParameters | null | undefined {
  const type = parameters?.rope_type ?? parameters?.type;
  return parameters && (type === 'su' || type === 'yarn') ? { ...parameters, rope_type: 'longrope' } : parameters;
}
