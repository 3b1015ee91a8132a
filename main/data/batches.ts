// Lays rows out as a batch for the graph. Which rows, and in which order, is decided by epoch-order.ts and the loop.
import type { Batch, TokenizedExample } from './types.ts';

export { epochOrder } from './epoch-order.ts';
export { splitDataset } from './split-dataset.ts';

/**
 * Rows padded on the right to the longest one, or to a multiple. Padding is told by length, never by a token id: it
 * holds id 0 at position 0, sees and is seen by itself alone, and carries no label. The label at position p + 1 is
 * predicted by the hidden state at p.
 */
export function collate(examples: TokenizedExample[], options: { padToMultipleOf?: number } = {}): Batch {
  const multiple = options.padToMultipleOf ?? 1;
  const longest = examples.reduce((most, example) => Math.max(most, example.inputIds.length), 0);
  const seq = Math.ceil(longest / multiple) * multiple;
  const batch = examples.length;
  const inputIds = new Int32Array(batch * seq);
  const positionIds = new Int32Array(batch * seq);
  const visibleUntil = new Int32Array(batch * seq);
  const labelRows: number[] = [];
  const labelIds: number[] = [];
  let tokenCount = 0;
  for (const [row, { inputIds: ids, trained }] of examples.entries()) {
    const start = row * seq;
    const { length } = ids;
    tokenCount += length;
    inputIds.set(ids, start);
    for (let p = 0; p < seq; p++) {
      positionIds[start + p] = p < length ? p : 0;
      visibleUntil[start + p] = p < length ? length : p + 1;
    }
    for (let p = 0; p + 1 < length; p++) {
      if (trained[p + 1] !== 1) continue;
      labelRows.push(start + p);
      labelIds.push(ids[p + 1] ?? 0);
    }
  }
  return {
    batch,
    seq,
    inputIds,
    positionIds,
    visibleUntil,
    labelRows: Int32Array.from(labelRows),
    labelIds: Int32Array.from(labelIds),
    tokenCount,
  };
}

/** The same batch with rows padded to a multiple of `multiple` tokens. */
export function padBatch(given: Batch, multiple: number): Batch {
  const seq = Math.ceil(given.seq / multiple) * multiple;
  if (seq === given.seq) return given;
  const widened = (values: Int32Array, padding: (position: number) => number): Int32Array => {
    const wide = Int32Array.from({ length: given.batch * seq }, (_, i) => padding(i % seq));
    for (let row = 0; row < given.batch; row++)
      wide.set(values.subarray(row * given.seq, (row + 1) * given.seq), row * seq);
    return wide;
  };
  return {
    ...given,
    seq,
    inputIds: widened(given.inputIds, () => 0),
    positionIds: widened(given.positionIds, () => 0),
    visibleUntil: widened(given.visibleUntil, (position) => position + 1),
    labelRows: given.labelRows.map((index) => Math.floor(index / given.seq) * seq + (index % given.seq)),
  };
}
