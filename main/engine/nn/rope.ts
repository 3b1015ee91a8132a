// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in the half-split form of Hugging Face. Tables are made
// on the host, in float32 steps as PyTorch makes them; the frequencies are rope-frequencies.ts's.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { attentionFactor, inverseFrequencies, type RopeSettings, switchOf } from './rope-frequencies.ts';

export type RopeTables = {
  /** [positions, rotaryDim / 2] */
  cos: Tensor;
  sin: Tensor;
  /** int64 [tokens, 1]: the row of the tables for each token. */
  rows: Tensor;
};

/**
 * The tables for positions 0 to `maxPositions` - 1. positionIds is int64 [tokens, 1], positions the same in float32 and
 * any shape. LongRoPE has two sets of frequencies: both are made, and a run with a position beyond the original context
 * takes the second, as transformers does.
 */
export function ropeTables(
  g: GraphBuilder,
  settings: RopeSettings,
  { positionIds, positions, maxPositions }: { positionIds: Tensor; positions: Tensor; maxPositions: number },
): RopeTables {
  const switchAt = switchOf(settings);
  if (switchAt === undefined || maxPositions <= switchAt)
    return { ...constants(g, 'rope', settings, maxPositions, maxPositions), rows: positionIds };
  const [short, long] = [
    constants(g, 'rope.short', settings, maxPositions, switchAt),
    constants(g, 'rope.long', settings, maxPositions, maxPositions),
  ];
  const furthest = g.reshape(g.reduceMax(positions, [...positions.shape.keys()]), [1, 1]);
  const isLong = g.op('GreaterOrEqual', [furthest, g.scalar(switchAt)], {});
  return {
    cos: g.where(isLong, long.cos, short.cos),
    sin: g.where(isLong, long.sin, short.sin),
    rows: positionIds,
  };
}

/** With the frequencies for texts of `length`. */
function constants(
  g: GraphBuilder,
  name: string,
  settings: RopeSettings,
  maxPositions: number,
  length: number,
): Pick<RopeTables, 'cos' | 'sin'> {
  const half = settings.rotaryDim / 2;
  const factor = attentionFactor(settings.scaling);
  const frequencies = inverseFrequencies(settings, length);
  const cos = new Float32Array(maxPositions * half);
  const sin = new Float32Array(maxPositions * half);
  for (let position = 0; position < maxPositions; position++) {
    for (const [i, frequency] of frequencies.entries()) {
      const angle = Math.fround(position * frequency);
      cos[position * half + i] = Math.fround(Math.cos(angle)) * factor;
      sin[position * half + i] = Math.fround(Math.sin(angle)) * factor;
    }
  }
  const shape = [maxPositions, half];
  return {
    cos: g.constant(`${name}.cos`, 'float32', shape, cos),
    sin: g.constant(`${name}.sin`, 'float32', shape, sin),
  };
}

/**
 * x [tokens, heads * headDim], turned. Tokens stand along the op's batch axis, because it takes no more of them along
 * the other than the tables have positions, and shared or packed rows may.
 */
export function rotate(g: GraphBuilder, x: Tensor, { cos, sin, rows }: RopeTables, heads: number): Tensor {
  const [tokens = 1, width = 1] = x.shape;
  const apart = g.reshape(x, [tokens, 1, width]);
  return g.reshape(g.op('RotaryEmbedding', [apart, rows, cos, sin], { heads }), [tokens, width]);
}
