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

/** What Gemma 3's configs leave out of their part for text: transformers' defaults, which are the 4B model's. */
const gemma3Defaults = {
  vocab_size: 262_208,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 256,
  query_pre_attn_scalar: 256,
  max_position_embeddings: 131_072,
  rms_norm_eps: 1e-6,
  hidden_activation: 'gelu_pytorch_tanh',
  tie_word_embeddings: true,
};

/** The config of the part for text of a model that also sees; undefined for all others. */
export function languageConfig(config: Record<string, unknown>): Record<string, unknown> | undefined {
  const { model_type: type, text_config: text, torch_dtype: dtype, eos_token_id: eos } = config;
  if (type !== 'gemma3' || typeof text !== 'object' || text === null) return undefined;
  return {
    ...gemma3Defaults,
    ...(dtype === undefined ? {} : { torch_dtype: dtype }),
    ...text,
    ...(eos === undefined ? {} : { eos_token_id: eos }),
    model_type: 'gemma3_text',
    architectures: ['Gemma3ForCausalLM'],
  };
}

/** Some uploads keep the type of the whole and hold a plain model for text. */
function textPart(config: Record<string, unknown>): Record<string, unknown> {
  const part = languageConfig(config);
  if (part) return part;
  const { model_type: type, architectures } = config;
  const isGemma3 = type === 'gemma3' && Array.isArray(architectures) && architectures.some(isText);
  return isGemma3 ? { ...config, model_type: 'gemma3_text' } : config;
}

const isText = (name: unknown): boolean => name === 'Gemma3ForCausalLM' || name === 'Gemma3ForConditionalGeneration';
