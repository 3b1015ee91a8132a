// Llama 2 and 3 (Touvron et al. 2023, arXiv:2307.09288; Grattafiori et al. 2024, arXiv:2407.21783) and everything
// that says model_type "llama".
import { z } from 'zod';
import { decoderConfig, headsOf, parseConfig, requireSilu } from './config.ts';
import { decoder } from './decoder.ts';
import { llamaWays } from './decoder-shape.ts';
import type { Model } from './model.ts';
import { ropeKeys, ropeSettings } from './rope-config.ts';

const llamaConfig = decoderConfig.extend({
  ...ropeKeys,
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
});

export function llama(rawConfig: Record<string, unknown>): Model {
  const config = parseConfig(llamaConfig, rawConfig);
  requireSilu(config);
  const rope = ropeSettings(config);
  const { attention_bias: bias } = config;
  return decoder({
    ...llamaWays,
    modelType: 'llama',
    config,
    heads: headsOf(config),
    layers: Array.from({ length: config.num_hidden_layers }, () => ({ rope })),
    attention: { ...llamaWays.attention, qkvBias: bias, outBias: bias },
    mlp: { ...llamaWays.mlp, bias: config.mlp_bias },
  });
}
