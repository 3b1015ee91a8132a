// The angle by which each pair of dimensions turns per position, under every scaling that checkpoints ask for, as
// transformers computes them (modeling_rope_utils.py). Reading them from a config is left to models/rope-config.ts.

export type RopeScaling =
  | { type: 'default' }
  | { type: 'linear'; factor: number }
  /** The base grows with rows longer than the context that the model was made for. */
  | { type: 'dynamic'; factor: number; maxPositions: number }
  /** YaRN (Peng et al. 2023, arXiv:2309.00071). */
  | {
      type: 'yarn';
      factor: number;
      attentionFactor: number;
      betaFast: number;
      betaSlow: number;
      originalMaxPositions: number;
      truncate: boolean;
    }
  /** LongRoPE (Ding et al. 2024, arXiv:2402.13753): a factor for each frequency, others beyond the original context. */
  | {
      type: 'longrope';
      attentionFactor: number;
      shortFactors: readonly number[];
      longFactors: readonly number[];
      originalMaxPositions: number;
    }
  /** Llama 3.1: long wavelengths are stretched, short ones kept, those between blended. */
  | { type: 'llama3'; factor: number; lowFreqFactor: number; highFreqFactor: number; originalMaxPositions: number };

export type RopeSettings = {
  theta: number;
  /** How many numbers of a head turn. */
  rotaryDim: number;
  scaling: RopeScaling;
};

/** The position from which on other frequencies hold for all tokens, if there is one. */
export function switchOf({ scaling }: RopeSettings): number | undefined {
  return scaling.type === 'longrope' ? scaling.originalMaxPositions : undefined;
}

/** What cosines and sines are multiplied by. */
export function attentionFactor(scaling: RopeScaling): number {
  return scaling.type === 'yarn' || scaling.type === 'longrope' ? scaling.attentionFactor : 1;
}

/** One angle per position step for each pair of dimensions, for rows of up to `length` tokens. */
export function inverseFrequencies(settings: RopeSettings, length: number): Float32Array {
  const { theta, scaling } = settings;
  switch (scaling.type) {
    case 'default':
      return plain(settings);
    case 'linear':
      return plain(settings).map((frequency) => frequency / scaling.factor);
    case 'dynamic': {
      const { factor, maxPositions } = scaling;
      const dim = settings.rotaryDim;
      const stretch = (factor * Math.max(length, maxPositions)) / maxPositions - (factor - 1);
      return plain({ ...settings, theta: theta * stretch ** (dim / (dim - 2)) });
    }
    case 'yarn':
      return yarnFrequencies(settings, scaling);
    case 'longrope': {
      const factors = length > scaling.originalMaxPositions ? scaling.longFactors : scaling.shortFactors;
      return powers(settings).map((power, i) => 1 / Math.fround(Math.fround(factors[i] ?? 1) * power));
    }
    case 'llama3':
      return plain(settings).map((frequency) => llama3Frequency(frequency, scaling));
  }
}

/** theta^(2i / dim) */
function powers({ theta, rotaryDim }: RopeSettings): Float32Array {
  return Float32Array.from({ length: rotaryDim / 2 }, (_, i) => theta ** Math.fround((2 * i) / rotaryDim));
}

function plain(settings: RopeSettings): Float32Array {
  return powers(settings).map((power) => 1 / power);
}

function llama3Frequency(frequency: number, scaling: RopeScaling & { type: 'llama3' }): number {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > originalMaxPositions / lowFreqFactor) return frequency / factor;
  if (wavelength < originalMaxPositions / highFreqFactor) return frequency;
  const smooth = (originalMaxPositions / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/** Pairs that turn often in the original context keep their angle, those that turn seldom are stretched. */
function yarnFrequencies(settings: RopeSettings, scaling: RopeScaling & { type: 'yarn' }): Float32Array {
  const { theta, rotaryDim } = settings;
  const { factor, betaFast, betaSlow, originalMaxPositions, truncate } = scaling;
  const pairThatTurns = (times: number): number =>
    (rotaryDim * Math.log(originalMaxPositions / (times * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [pairThatTurns(betaFast), pairThatTurns(betaSlow)];
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(truncate ? Math.ceil(slow) : slow, rotaryDim - 1);
  const width = low === high ? 0.001 : high - low;
  return powers(settings).map((power, i) => {
    const stretched = Math.fround(Math.min(1, Math.max(0, (i - low) / width)));
    return (1 / Math.fround(factor * power)) * stretched + (1 / power) * (1 - stretched);
  });
}
