// Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv:2407.10671), DeepSeek's distillations of them: Llama with biases on
// queries, keys and values. Windows are off unless the config switches them on, and then for the later layers.
import { z } from 'zod';
import { decoderConfig, headsOf, parseConfig, requirePerLayer, requireSilu, windowKeys } from './config.ts';
import { decoder } from './decoder.ts';
import { type LayerKind, llamaWays } from './decoder-shape.ts';
import type { Model } from './model.ts';
import { ropeKeys, ropeSettings } from './rope-config.ts';

export const qwenConfig = decoderConfig.extend({
  ...ropeKeys,
  ...windowKeys,
  sliding_window: windowKeys.sliding_window.default(4096),
  use_sliding_window: z.boolean().default(false),
  max_window_layers: z.int().min(0).default(28),
});

export function qwen2(rawConfig: Record<string, unknown>): Model {
  const config = parseConfig(qwenConfig, rawConfig);
  requireSilu(config);
  return decoder({
    ...llamaWays,
    modelType: 'qwen2',
    config,
    heads: headsOf(config),
    layers: qwenLayers(config),
    attention: { ...llamaWays.attention, qkvBias: true },
  });
}

/** Which layers have a window: as layer_types says, in older configs those from max_window_layers on. */
export function qwenLayers(config: z.infer<typeof qwenConfig>): LayerKind[] {
  const { layer_types: types, max_window_layers: first } = config;
  if (types) requirePerLayer(config, 'layer_types', types);
  const rope = ropeSettings(config);
  const window = config.use_sliding_window ? (config.sliding_window ?? undefined) : undefined;
  return Array.from({ length: config.num_hidden_layers }, (_, i) => {
    const isWindowed = types ? types[i] === 'sliding_attention' : i >= first;
    return { rope, window: isWindowed ? window : undefined };
  });
}
