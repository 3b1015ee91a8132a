// Which model file builds which model_type.
import { UserError } from '../../errors.ts';
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

/** The model of a config.json. Throws a UserError that names the supported kinds. */
export function modelFor(config: Record<string, unknown>): Model {
  const modelType = config.model_type;
  const build = typeof modelType === 'string' ? models[modelType] : undefined;
  if (build) return build(config);
  const named = modelType === undefined ? 'missing' : JSON.stringify(modelType);
  throw new UserError({
    code: 'model-type-unsupported',
    message: `config.json: model_type is ${named}, which is not supported.`,
    fix: `Choose a model of a supported type: ${supportedModelTypes.join(', ')}.`,
  });
}
