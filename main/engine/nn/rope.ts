// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in the half-split form of Hugging Face, with the
// scalings that checkpoints ask for. Tables are made on the host, in float32 steps as PyTorch makes them.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';

export type RopeScaling =
  | { type: 'default' }
  | { type: 'linear'; factor: number }
  /** Llama 3.1: long wavelengths are stretched, short ones kept, those between blended. */
  | { type: 'llama3'; factor: number; lowFreqFactor: number; highFreqFactor: number; originalMaxPositions: number };

export type RopeSettings = { theta: number; headDim: number; scaling: RopeScaling };
export type RopeTables = { cos: Tensor; sin: Tensor };

/** Two constants [maxPositions, headDim / 2]. */
export function ropeTables(g: GraphBuilder, settings: RopeSettings, maxPositions: number): RopeTables {
  const half = settings.headDim / 2;
  const frequencies = inverseFrequencies(settings);
  const cos = new Float32Array(maxPositions * half);
  const sin = new Float32Array(maxPositions * half);
  for (let position = 0; position < maxPositions; position++) {
    for (const [i, frequency] of frequencies.entries()) {
      const angle = Math.fround(position * frequency);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  const shape = [maxPositions, half];
  return { cos: g.constant('rope.cos', 'float32', shape, cos), sin: g.constant('rope.sin', 'float32', shape, sin) };
}

/**
 * x [tokens, heads * headDim], turned by positions [tokens, 1] (int64). Tokens stand along the op's batch axis, because
 * it takes no more of them along the other than the tables have positions, and shared or packed rows may.
 */
export function rotate(g: GraphBuilder, x: Tensor, positions: Tensor, tables: RopeTables, heads: number): Tensor {
  const [tokens = 1, width = 1] = x.shape;
  const apart = g.reshape(x, [tokens, 1, width]);
  return g.reshape(g.op('RotaryEmbedding', [apart, positions, tables.cos, tables.sin], { heads }), [tokens, width]);
}

/** One angle per position step for each pair of dimensions. */
export function inverseFrequencies({ theta, headDim, scaling }: RopeSettings): Float32Array {
  const plain = Float32Array.from({ length: headDim / 2 }, (_, i) => 1 / Math.fround(theta ** ((2 * i) / headDim)));
  switch (scaling.type) {
    case 'default':
      return plain;
    case 'linear':
      return plain.map((frequency) => frequency / scaling.factor);
    case 'llama3':
      return plain.map((frequency) => llama3Frequency(frequency, scaling));
  }
}

function llama3Frequency(frequency: number, scaling: RopeScaling & { type: 'llama3' }): number {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > originalMaxPositions / lowFreqFactor) return frequency / factor;
  if (wavelength < originalMaxPositions / highFreqFactor) return frequency;
  const smooth = (originalMaxPositions / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}
