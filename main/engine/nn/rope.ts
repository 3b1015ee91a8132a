// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in the half-split form of Hugging Face. Tables are made
// on the host, in float32 steps as PyTorch makes them; the frequencies are rope-frequencies.ts's.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { attentionFactor, inverseFrequencies, type RopeSettings, switchOf } from './rope-frequencies.ts';

export type RopeTables = {
  /** Two constants [rows, rotaryDim / 2]. */
  cos: Tensor;
  sin: Tensor;
  /** int64 [tokens, 1]: the row of the tables for each token. */
  rows: Tensor;
};

/**
 * The tables for positions 0 to `maxPositions` - 1, and where in them the tokens of `positionIds` (int64 [tokens, 1])
 * find theirs. LongRoPE has two sets of frequencies: both are made, and a run with a position beyond the original
 * context takes the second, as transformers does.
 */
export function ropeTables(
  g: GraphBuilder,
  settings: RopeSettings,
  { positionIds, maxPositions }: { positionIds: Tensor; maxPositions: number },
): RopeTables {
  const half = settings.rotaryDim / 2;
  const switchAt = switchOf(settings);
  const sets =
    switchAt === undefined || maxPositions <= switchAt
      ? [inverseFrequencies(settings, maxPositions)]
      : [inverseFrequencies(settings, switchAt), inverseFrequencies(settings, maxPositions)];
  const factor = attentionFactor(settings.scaling);
  const cos = new Float32Array(sets.length * maxPositions * half);
  const sin = new Float32Array(cos.length);
  for (const [set, frequencies] of sets.entries())
    for (let position = 0; position < maxPositions; position++) {
      for (const [i, frequency] of frequencies.entries()) {
        const angle = Math.fround(position * frequency);
        const at = (set * maxPositions + position) * half + i;
        cos[at] = Math.fround(Math.cos(angle)) * factor;
        sin[at] = Math.fround(Math.sin(angle)) * factor;
      }
    }
  const shape = [sets.length * maxPositions, half];
  return {
    cos: g.constant('rope.cos', 'float32', shape, cos),
    sin: g.constant('rope.sin', 'float32', shape, sin),
    rows: sets.length === 1 ? positionIds : rowsInSets(g, positionIds, switchAt ?? 0, maxPositions),
  };
}

/** The same positions, in the second set of rows where any of them is at or beyond `switchAt`. */
function rowsInSets(g: GraphBuilder, positionIds: Tensor, switchAt: number, setRows: number): Tensor {
  const furthest = g.reduceMax(g.cast(positionIds, 'float32'), [0]); // [1, 1]
  const isLong = g.op('GreaterOrEqual', [furthest, g.scalar(switchAt)], {});
  const rows = g.constant('rope.set', 'int64', [], BigInt64Array.of(BigInt(setRows)));
  return g.add(positionIds, g.mul(g.cast(isLong, 'int64'), rows));
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
