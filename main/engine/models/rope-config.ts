// Reads RoPE's settings from a config. Three ways of writing them are known: rope_theta + rope_scaling, rope_parameters
// (transformers 5), and rope_parameters by type of layer.
import { z } from 'zod';
import type { RopeScaling, RopeSettings } from '../nn/rope-frequencies.ts';
import { type DecoderConfig, headsOf, invalid } from './config.ts';

const positive = z.number().positive();
const factors = z.array(positive);

const ropeParameters = z.looseObject({
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  rope_theta: positive.nullish(),
  partial_rotary_factor: positive.max(1).nullish(),
  factor: positive.nullish(),
  low_freq_factor: positive.nullish(),
  high_freq_factor: positive.nullish(),
  original_max_position_embeddings: z.int().positive().nullish(),
  attention_factor: positive.nullish(),
  beta_fast: positive.nullish(),
  beta_slow: positive.nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  truncate: z.boolean().nullish(),
  short_factor: factors.nullish(),
  long_factor: factors.nullish(),
});
export type RopeParameters = z.infer<typeof ropeParameters>;

export const ropeKeys = {
  rope_theta: positive.nullish(),
  rope_scaling: ropeParameters.nullish(),
  rope_parameters: ropeParameters.nullish(),
  partial_rotary_factor: positive.max(1).nullish(),
  original_max_position_embeddings: z.int().positive().nullish(),
};
export type RopeConfig = DecoderConfig & z.infer<z.ZodObject<typeof ropeKeys>>;

/** Settings that hold for some layers only. */
export const ropeParametersByLayer = z.looseObject({
  full_attention: ropeParameters.nullish(),
  sliding_attention: ropeParameters.nullish(),
});

/** The RoPE settings of a config. Throws a UserError for a scaling that is not known. */
export function ropeSettings(config: RopeConfig, defaultTheta = 10000): RopeSettings {
  const parameters = config.rope_parameters ?? config.rope_scaling ?? {};
  const theta = parameters.rope_theta ?? config.rope_theta ?? defaultTheta;
  return ropeFrom(config, { ...parameters, rope_theta: theta }, { turnsPart: false });
}

/** The same for models of which only a part of each head may turn. */
export function partialRopeSettings(config: RopeConfig): RopeSettings {
  const parameters = config.rope_parameters ?? config.rope_scaling ?? {};
  const theta = parameters.rope_theta ?? config.rope_theta ?? 10000;
  return ropeFrom(config, { ...parameters, rope_theta: theta }, { turnsPart: true });
}

/** Settings from given parameters, with what the rest of the config adds. */
export function ropeFrom(
  config: RopeConfig,
  parameters: RopeParameters & { rope_theta: number },
  { turnsPart }: { turnsPart: boolean },
): RopeSettings {
  const { headDim } = headsOf(config);
  const part = parameters.partial_rotary_factor ?? config.partial_rotary_factor ?? 1;
  if (part !== 1 && !turnsPart)
    throw invalid('partial_rotary_factor', `${part} is not supported for model_type "${config.model_type}"`);
  const rotaryDim = Math.trunc(headDim * part);
  if (rotaryDim % 2 !== 0) throw invalid('head_dim', `RoPE turns pairs of dimensions, and ${rotaryDim} is odd`);
  return { theta: parameters.rope_theta, rotaryDim, scaling: ropeScaling(config, parameters, rotaryDim) };
}

function ropeScaling(config: RopeConfig, parameters: RopeParameters, rotaryDim: number): RopeScaling {
  const type = parameters.rope_type ?? parameters.type ?? 'default';
  const required = (key: 'factor' | 'low_freq_factor' | 'high_freq_factor'): number => {
    const value = parameters[key];
    if (value === undefined || value === null) throw invalid('rope_scaling', `"${key}" is missing for type "${type}"`);
    return value;
  };
  const originalMaxPositions =
    config.original_max_position_embeddings ??
    parameters.original_max_position_embeddings ??
    config.max_position_embeddings;
  const stretch = parameters.factor ?? config.max_position_embeddings / originalMaxPositions;
  switch (type) {
    case 'default':
      return { type };
    case 'linear':
      return { type, factor: required('factor') };
    case 'dynamic':
      return { type, factor: required('factor'), maxPositions: config.max_position_embeddings };
    case 'llama3':
      return {
        type,
        factor: required('factor'),
        lowFreqFactor: required('low_freq_factor'),
        highFreqFactor: required('high_freq_factor'),
        originalMaxPositions,
      };
    case 'yarn':
      return {
        type,
        factor: stretch,
        attentionFactor: parameters.attention_factor ?? yarnAttention(stretch, parameters),
        betaFast: parameters.beta_fast ?? 32,
        betaSlow: parameters.beta_slow ?? 1,
        originalMaxPositions,
        truncate: parameters.truncate ?? true,
      };
    case 'longrope': {
      const list = (key: 'short_factor' | 'long_factor'): number[] => {
        const { [key]: found } = parameters;
        if (found?.length !== rotaryDim / 2)
          throw invalid('rope_scaling', `"${key}" has ${found?.length ?? 'no'} numbers, not ${rotaryDim / 2}`);
        return found;
      };
      const grown = stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(originalMaxPositions));
      return {
        type,
        attentionFactor: parameters.attention_factor ?? grown,
        shortFactors: list('short_factor'),
        longFactors: list('long_factor'),
        originalMaxPositions,
      };
    }
    default:
      throw invalid(
        'rope_scaling',
        `the type "${type}" is not supported; default, linear, dynamic, yarn, longrope and llama3 are`,
      );
  }
}

function yarnAttention(factor: number, { mscale, mscale_all_dim: allDim }: RopeParameters): number {
  const scale = (by: number): number => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1);
  return mscale && allDim ? scale(mscale) / scale(allDim) : scale(1);
}
