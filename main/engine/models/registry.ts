// Which model file builds which model_type.
import { UserError } from '../../errors.ts';
import { llama } from './llama.ts';
import type { Model } from './model.ts';

const models: Readonly<Record<string, (config: Record<string, unknown>) => Model>> = { llama };

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
