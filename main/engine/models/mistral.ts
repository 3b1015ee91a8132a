// Mistral 7B (Jiang et al. 2023, arXiv:2310.06825) and Nemo: Llama with a sliding window in every layer, or in none.
import { decoderConfig, headsOf, parseConfig, requireSilu, windowKeys } from './config.ts';
import { decoder } from './decoder.ts';
import { llamaWays } from './decoder-shape.ts';
import type { Model } from './model.ts';
import { ropeKeys, ropeSettings } from './rope-config.ts';

const mistralConfig = decoderConfig.extend({
  ...ropeKeys,
  // A config that leaves it out means transformers' default; one that says null means none.
  sliding_window: windowKeys.sliding_window.default(4096),
});

export function mistral(rawConfig: Record<string, unknown>): Model {
  const config = parseConfig(mistralConfig, rawConfig);
  requireSilu(config);
  const layer = { window: config.sliding_window ?? undefined, rope: ropeSettings(config) };
  return decoder({
    ...llamaWays,
    modelType: 'mistral',
    config,
    heads: headsOf(config),
    layers: Array.from({ length: config.num_hidden_layers }, () => layer),
  });
}
