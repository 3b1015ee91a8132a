// Reads a Hugging Face config.json into the sizes that model files need, with errors that name the key. RoPE's keys are
// rope-config.ts's.
import { z } from 'zod';
import { UserError } from '../../errors.ts';
import type { Heads } from '../nn/attention.ts';

const size = z.int().positive();

/** The keys that all these models have; a family's file adds its own, and its defaults where they differ. */
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
  hidden_act: z.string().nullish(),
  tie_word_embeddings: z.boolean().default(false),
});
export type DecoderConfig = z.infer<typeof decoderConfig>;

/** Keys that say in which layers attention reaches how far. */
export const windowKeys = {
  sliding_window: size.nullish(),
  layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
};

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

export function invalid(key: string, problem: string): UserError {
  return new UserError({
    code: 'config-unsupported',
    message: `config.json: ${key}: ${problem}.`,
    fix: 'Choose a model whose config.json uses a supported setting.',
  });
}

/** Throws unless the config's activation is SiLU, the only one these models were made with. */
export function requireSilu({ hidden_act: activation }: DecoderConfig): void {
  if (activation && activation !== 'silu' && activation !== 'swish')
    throw invalid('hidden_act', `"${activation}" is not supported; silu is`);
}

/** Sizes of the attention heads. Throws where they do not divide. */
export function headsOf(config: DecoderConfig): Heads {
  if (!config.head_dim) requireMultiple(config, 'hidden_size', 'num_attention_heads');
  if (config.num_key_value_heads) requireMultiple(config, 'num_attention_heads', 'num_key_value_heads');
  const heads = config.num_attention_heads;
  const headDim = config.head_dim ?? config.hidden_size / heads;
  return { heads, kvHeads: config.num_key_value_heads ?? heads, headDim };
}

/** Throws unless a list has one entry a layer. */
export function requirePerLayer(config: DecoderConfig, key: string, list: readonly unknown[]): void {
  if (list.length < config.num_hidden_layers)
    throw invalid(key, `it has ${list.length} entries for ${config.num_hidden_layers} layers`);
}

function requireMultiple(config: DecoderConfig, total: keyof DecoderConfig, count: keyof DecoderConfig): void {
  const [a, b] = [Number(config[total]), Number(config[count])];
  if (a % b !== 0) throw invalid(total, `${a} is no multiple of ${count} ${b}`);
}
