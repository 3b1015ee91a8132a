// Reads a Hugging Face config.json into the sizes that model files need, with errors that name the key. Both ways
// of writing RoPE settings are known: rope_theta + rope_scaling, and rope_parameters (transformers 5).
import { z } from 'zod';
import { UserError } from '../../errors.ts';
import type { RopeScaling, RopeSettings } from '../nn/rope.ts';

const size = z.int().positive();
const frequency = z.number().positive();

const ropeSchema = z.looseObject({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: frequency.optional(),
  factor: frequency.optional(),
  low_freq_factor: frequency.optional(),
  high_freq_factor: frequency.optional(),
  original_max_position_embeddings: size.optional(),
});

export const decoderConfig = z.looseObject({
  model_type: z.string(),
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  vocab_size: size,
  max_position_embeddings: size.default(2048),
  rms_norm_eps: z.number().positive().default(1e-6),
  hidden_act: z.string().default('silu'),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  rope_theta: frequency.nullish(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
});
export type DecoderConfig = z.infer<typeof decoderConfig>;

/** Checks `config` against a schema. Throws a UserError that names the first wrong key and its value. */
export function parseConfig<T extends z.ZodType>(schema: T, config: Record<string, unknown>): z.infer<T> {
  const result = schema.safeParse(config);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = issue?.path.join('.') ?? '';
  const value = issue?.path.reduce<unknown>(
    (at, part) => (at as Record<PropertyKey, unknown> | undefined)?.[part],
    config,
  );
  throw new UserError({
    code: 'config-invalid',
    message: `config.json: "${key}" is ${value === undefined ? 'missing' : JSON.stringify(value)} (${issue?.message ?? 'invalid'}).`,
    fix: 'Use the config.json that belongs to this checkpoint.',
  });
}

/** The RoPE settings of a config. Throws a UserError for a scaling that is not known. */
export function ropeSettings(config: DecoderConfig, headDim: number): RopeSettings {
  const parameters = config.rope_parameters ?? config.rope_scaling ?? {};
  const theta = parameters.rope_theta ?? config.rope_theta ?? 10000;
  return { theta, headDim, scaling: ropeScaling(config, parameters) };
}

function ropeScaling(config: DecoderConfig, parameters: z.infer<typeof ropeSchema>): RopeScaling {
  const type = parameters.rope_type ?? parameters.type ?? 'default';
  const required = (key: 'factor' | 'low_freq_factor' | 'high_freq_factor'): number => {
    const value = parameters[key];
    if (value === undefined) throw invalid('rope_scaling', `"${key}" is missing for type "${type}"`);
    return value;
  };
  switch (type) {
    case 'default':
      return { type };
    case 'linear':
      return { type, factor: required('factor') };
    case 'llama3':
      return {
        type,
        factor: required('factor'),
        lowFreqFactor: required('low_freq_factor'),
        highFreqFactor: required('high_freq_factor'),
        originalMaxPositions: parameters.original_max_position_embeddings ?? config.max_position_embeddings,
      };
    default:
      throw invalid('rope_scaling', `the type "${type}" is not supported; default, linear and llama3 are`);
  }
}

function invalid(key: string, problem: string): UserError {
  return new UserError({
    code: 'config-unsupported',
    message: `config.json: ${key}: ${problem}.`,
    fix: 'Choose a model whose config.json uses a supported setting.',
  });
}

/** Throws unless the config's activation is SiLU, the only one these models were made with. */
export function requireSilu(config: DecoderConfig): void {
  if (config.hidden_act !== 'silu' && config.hidden_act !== 'swish')
    throw invalid('hidden_act', `"${config.hidden_act}" is not supported; silu is`);
}

/** Throws unless `count` divides `total`, both named by their keys. */
export function requireMultiple(config: DecoderConfig, total: keyof DecoderConfig, count: keyof DecoderConfig): void {
  const [a, b] = [Number(config[total]), Number(config[count])];
  if (a % b !== 0) throw invalid(total, `${a} is no multiple of ${count} ${b}`);
}
