// RoPE settings of a GGUF file as config.json has them. Llama 3's scaling is not in the metadata but worked out, one
// factor per frequency, in the tensor rope_freqs.weight: its settings are found again and must give the same factors.
import type { Architecture, ArchitectureFacts } from './architectures.ts';
import { ggufUnsupported } from './problems.ts';
import { shortFloat } from './short-float.ts';

/** @throws UserError "gguf-unsupported" for a scaling that is not known */
export function ropeOf(
  facts: ArchitectureFacts,
  { turnsPart }: Pick<Architecture, 'turnsPart'>,
): Record<string, unknown> {
  const { metadata, prefix, ropeFrequencies } = facts;
  const theta = shortFloat(metadata.number(`${prefix}.rope.freq_base`) ?? 10000);
  const width =
    metadata.requiredSize(`${prefix}.embedding_length`) / metadata.requiredSize(`${prefix}.attention.head_count`);
  const headDim = metadata.size(`${prefix}.attention.key_length`) ?? width;
  const rotated = metadata.size(`${prefix}.rope.dimension_count`) ?? headDim;
  if (rotated !== headDim && !(turnsPart && rotated < headDim))
    throw ggufUnsupported(metadata.path, `RoPE turns ${rotated} of the ${headDim} dimensions of a head`);
  const scaling = scalingOf(facts);
  if (scaling !== null && ropeFrequencies)
    throw ggufUnsupported(metadata.path, `it has both a ${scaling.rope_type} RoPE scaling and rope_freqs.weight`);
  return {
    rope_theta: theta,
    rope_scaling: ropeFrequencies ? llama3Scaling(ropeFrequencies, theta, headDim, metadata.path) : scaling,
    ...(rotated === headDim ? {} : { partial_rotary_factor: rotated / headDim }),
  };
}

type Scaling = { rope_type: string } & Record<string, unknown>;

/** What the metadata says of it, and the tensors of LongRoPE. */
function scalingOf(facts: ArchitectureFacts): Scaling | null {
  const { metadata, prefix, longFactors, shortFactors } = facts;
  if (longFactors || shortFactors) return longRope(facts);
  const type = metadata.text(`${prefix}.rope.scaling.type`) ?? 'none';
  // Files older than scaling.type have the factor alone.
  const factor =
    metadata.number(`${prefix}.rope.scaling.factor`) ?? metadata.number(`${prefix}.rope.scale_linear`) ?? 1;
  if (type === 'yarn') return yarn(facts, factor);
  if (type === 'none' || type === 'linear')
    return factor === 1 ? null : { rope_type: 'linear', factor: shortFloat(factor) };
  throw ggufUnsupported(
    metadata.path,
    `its RoPE scaling is ${JSON.stringify(type)}; linear, YaRN, LongRoPE and Llama 3’s are known`,
  );
}

/** The converter writes what the config had: what is missing has transformers' default here, too. */
function yarn({ metadata, prefix }: ArchitectureFacts, factor: number): Scaling {
  const key = (name: string): string => `${prefix}.rope.scaling.${name}`;
  const extrapolation = metadata.number(key('yarn_ext_factor')) ?? 1;
  if (extrapolation !== 1)
    throw ggufUnsupported(metadata.path, `${key('yarn_ext_factor')} is ${extrapolation}, which YaRN here has not`);
  const optional = (name: string, value: number | undefined): Record<string, number> =>
    value === undefined ? {} : { [name]: shortFloat(value) };
  return {
    rope_type: 'yarn',
    factor: shortFloat(factor),
    original_max_position_embeddings: metadata.requiredSize(key('original_context_length')),
    ...optional('attention_factor', metadata.number(key('yarn_attn_factor'))),
    ...optional('beta_fast', metadata.number(key('yarn_beta_fast'))),
    ...optional('beta_slow', metadata.number(key('yarn_beta_slow'))),
  };
}

/** Phi-3's: two factors per frequency, for rows within the original length and beyond it. */
function longRope({ metadata, prefix, longFactors, shortFactors }: ArchitectureFacts): Scaling {
  if (!longFactors || !shortFactors)
    throw ggufUnsupported(metadata.path, 'of rope_factors_long.weight and rope_factors_short.weight it has only one');
  // How long the rows were that it was trained on first.
  const original = metadata.requiredSize(`${prefix}.rope.scaling.original_context_length`);
  const stretch = metadata.requiredSize(`${prefix}.context_length`) / original;
  const usual = stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(original));
  const attention = metadata.number(`${prefix}.rope.scaling.attn_factor`) ?? usual;
  const values = (factors: Float32Array): number[] => Array.from(factors, shortFloat);
  return {
    rope_type: 'longrope',
    long_factor: values(longFactors),
    short_factor: values(shortFactors),
    // Only what transformers would not work out for itself.
    ...(Math.abs(attention - usual) < 1e-5 * usual ? {} : { attention_factor: shortFloat(attention) }),
  };
}

/** All models of the family were released with these. */
const llama3 = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };

function llama3Scaling(
  factors: Float32Array,
  theta: number,
  headDim: number,
  path: string,
): Record<string, unknown> | null {
  const factor = shortFloat(factors.at(-1) ?? 1);
  const expected = Array.from({ length: headDim / 2 }, (_, i) => llama3Factor(theta ** ((-2 * i) / headDim), factor));
  // The converter computed in float32.
  const isSame =
    factors.length === expected.length &&
    expected.every((wanted, i) => Math.abs((factors[i] ?? 0) - wanted) <= 1e-4 * wanted);
  if (!isSame) throw ggufUnsupported(path, 'its rope_freqs.weight are not the factors of Llama 3’s RoPE scaling');
  return factor === 1 ? null : { rope_type: 'llama3', factor, ...llama3 };
}

/** What a frequency is divided by: 1 for high ones, `factor` for low ones, and in between something smooth. */
function llama3Factor(frequency: number, factor: number): number {
  const { low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: positions } = llama3;
  const turns = (positions * frequency) / (2 * Math.PI);
  if (turns > high) return 1;
  if (turns < low) return factor;
  const smooth = (turns - low) / (high - low);
  return 1 / ((1 - smooth) / factor + smooth);
}
