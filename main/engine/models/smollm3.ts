// SmolLM3 (Hugging Face 2025): Llama in which every fourth layer knows no positions (NoPE, Kazemnejad et al. 2023,
// arXiv:2305.19466).
import { z } from 'zod';
import { decoderConfig, headsOf, parseConfig, requirePerLayer, requireSilu, windowKeys } from './config.ts';
import { decoder } from './decoder.ts';
import { type LayerKind, llamaWays } from './decoder-shape.ts';
import type { Model } from './model.ts';
import { ropeKeys, ropeSettings } from './rope-config.ts';

const smollm3Config = decoderConfig.extend({
  ...ropeKeys,
  ...windowKeys,
  tie_word_embeddings: z.boolean().default(true),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  use_sliding_window: z.boolean().default(false),
  no_rope_layers: z.array(z.int().min(0).max(1)).nullish(),
  no_rope_layer_interval: z.int().positive().default(4),
});

export function smollm3(rawConfig: Record<string, unknown>): Model {
  const config = parseConfig(smollm3Config, rawConfig);
  requireSilu(config);
  const { attention_bias: bias } = config;
  return decoder({
    ...llamaWays,
    modelType: 'smollm3',
    config,
    heads: headsOf(config),
    layers: layersOf(config),
    attention: { ...llamaWays.attention, qkvBias: bias, outBias: bias },
    mlp: { ...llamaWays.mlp, bias: config.mlp_bias },
  });
}

function layersOf(config: z.infer<typeof smollm3Config>): LayerKind[] {
  const { no_rope_layers: turns, no_rope_layer_interval: interval, layer_types: types } = config;
  if (turns) requirePerLayer(config, 'no_rope_layers', turns);
  if (types) requirePerLayer(config, 'layer_types', types);
  const rope = ropeSettings(config, 2_000_000);
  const window = config.use_sliding_window ? (config.sliding_window ?? undefined) : undefined;
  return Array.from({ length: config.num_hidden_layers }, (_, i) => {
    // The key's name says the opposite: 1 stands for a layer with RoPE.
    const hasRope = turns ? turns[i] === 1 : (i + 1) % interval !== 0;
    const isWindowed = types ? types[i] === 'sliding_attention' : !hasRope;
    return { rope: hasRope ? rope : undefined, window: isWindowed ? window : undefined };
  });
}
