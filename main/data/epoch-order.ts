// In which order an epoch goes through the rows.
import { permutation, seededRandom } from './random.ts';

export type SamplingStrategy = 'random' | 'sequential' | 'group_by_length';

export type EpochOrderOptions = {
  length: number;
  seed: number;
  /** 0-based; each epoch is shuffled anew. */
  epoch: number;
  strategy: SamplingStrategy;
  /** Tokens of each row; needed for group_by_length. */
  lengths?: ArrayLike<number>;
  /** Rows of one batch; needed for group_by_length. */
  batchSize?: number;
};

/** [length] row numbers, each once. The same options give the same order. */
export function epochOrder(options: EpochOrderOptions): Int32Array {
  const { length, seed, epoch, strategy, lengths, batchSize } = options;
  if (strategy === 'sequential') return Int32Array.from({ length }, (_, i) => i);
  const shuffled = permutation(length, seededRandom(seed, epoch));
  if (strategy === 'random') return shuffled;
  if (!lengths || batchSize === undefined) throw new Error('group_by_length needs lengths and batchSize');
  return groupByLength(shuffled, lengths, batchSize);
}

/**
 * Rows of like length come together, so that batches need little padding: shuffled rows are cut into stretches of 50
 * batches, each sorted by length, longest first. The longest row of all comes first, so that running out of memory
 * happens at once (the idea of transformers' LengthGroupedSampler).
 */
function groupByLength(shuffled: Int32Array, lengths: ArrayLike<number>, batchSize: number): Int32Array {
  const lengthOf = (row: number) => lengths[row] ?? 0;
  const stretch = batchSize * Math.max(1, Math.min(50, Math.floor(shuffled.length / (batchSize * 4))));
  const order = new Int32Array(shuffled.length);
  let longest = 0;
  for (let start = 0; start < order.length; start += stretch) {
    const sorted = shuffled.slice(start, start + stretch).sort((a, b) => lengthOf(b) - lengthOf(a));
    order.set(sorted, start);
    if (lengthOf(order[start] ?? 0) > lengthOf(order[longest] ?? 0)) longest = start;
  }
  const first = order[0];
  if (first === undefined) return order;
  order[0] = order[longest] ?? 0;
  order[longest] = first;
  return order;
}
