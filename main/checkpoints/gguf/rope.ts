// RoPE settings of a GGUF file as config.json has them. Llama 3's scaling is not in the metadata but worked out, one
// factor per frequency, in the tensor rope_freqs.weight: its settings are found again and must give the same factors.
import type { ArchitectureFacts } from './architectures.ts';
import { ggufUnsupported } from './problems.ts';
import { shortFloat } from './short-float.ts';

/** @throws UserError "gguf-unsupported" for a scaling that is not known */
export function ropeOf({ metadata, prefix, ropeFrequencies }: ArchitectureFacts): Record<string, unknown> {
  const theta = shortFloat(metadata.number(`${prefix}.rope.freq_base`) ?? 10000);
  const type = metadata.text(`${prefix}.rope.scaling.type`) ?? 'none';
  // Files older than scaling.type have the factor alone.
  const factor =
    metadata.number(`${prefix}.rope.scaling.factor`) ?? metadata.number(`${prefix}.rope.scale_linear`) ?? 1;
  if (type !== 'none' && type !== 'linear')
    throw ggufUnsupported(metadata.path, `its RoPE scaling is ${JSON.stringify(type)}; linear and Llama 3’s are known`);
  if (factor !== 1 && ropeFrequencies)
    throw ggufUnsupported(metadata.path, 'it has both a linear RoPE scaling and rope_freqs.weight');
  const width =
    metadata.requiredSize(`${prefix}.embedding_length`) / metadata.requiredSize(`${prefix}.attention.head_count`);
  const headDim = metadata.size(`${prefix}.attention.key_length`) ?? width;
  const rotated = metadata.size(`${prefix}.rope.dimension_count`) ?? headDim;
  if (rotated !== headDim)
    throw ggufUnsupported(metadata.path, `RoPE turns ${rotated} of the ${headDim} dimensions of a head`);
  const scaling = ropeFrequencies
    ? llama3Scaling(ropeFrequencies, theta, headDim, metadata.path)
    : factor === 1
      ? null
      : { rope_type: 'linear', factor: shortFloat(factor) };
  return { rope_theta: theta, rope_scaling: scaling };
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
