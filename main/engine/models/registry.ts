// Which model file builds which model_type.
import { gemma2 } from './gemma2.ts';
import { gemma3Text } from './gemma3-text.ts';
import { granite } from './granite.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import type { Model } from './model.ts';
import { olmo2 } from './olmo2.ts';
import { phi3 } from './phi3.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';
import { smollm3 } from './smollm3.ts';
import { unsupported } from './unsupported.ts';

const models: Readonly<Record<string, (config: Record<string, unknown>) => Model>> = {
  llama,
  mistral,
  qwen2,
  qwen3,
  gemma2,
  gemma3_text: gemma3Text,
  phi3,
  smollm3,
  olmo2,
  granite,
};

export const supportedModelTypes: readonly string[] = Object.keys(models);

/** The model of a config.json. Throws a UserError that says what else the model is, and what to take instead. */
export function modelFor(config: Record<string, unknown>): Model {
  const text = textPart(config);
  const { model_type: modelType } = text;
  const build = typeof modelType === 'string' && Object.hasOwn(models, modelType) ? models[modelType] : undefined;
  if (build) return build(text);
  throw unsupported(config, supportedModelTypes);
}

/** The model_type that a config, or the Hub's excerpt of one, is built as. */
export function modelTypeOf(config: Record<string, unknown>): string | undefined {
  const { model_type: type } = textPart(config);
  return typeof type === 'string' ? type : undefined;
}

/** Gemma 3 without its eyes: some uploads keep the type of the whole and hold a plain model for text. */
function textPart(config: Record<string, unknown>): Record<string, unknown> {
  const { model_type: type, architectures, text_config: text, vision_config: vision } = config;
  const isText = Array.isArray(architectures) ? architectures.includes('Gemma3ForCausalLM') : !vision;
  if (type !== 'gemma3' || !isText) return config;
  return { ...config, ...(typeof text === 'object' ? text : {}), model_type: 'gemma3_text' };
}
