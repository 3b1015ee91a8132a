// Plain batches, and what can be said of any. Shared and packed rows are laid out by forest.ts; which rows, and in
// which order, is decided by epoch-order.ts and the loop.
import { layOut } from './forest.ts';
import type { Batch, TokenizedExample } from './types.ts';

export { epochOrder } from './epoch-order.ts';
export { splitDataset } from './split-dataset.ts';

/** Every row a row of the batch, padded on the right to the longest, or to a multiple. All labels join one sum. */
export function collate(examples: readonly TokenizedExample[], options: { padToMultipleOf?: number } = {}): Batch {
  return padBatch(layOut(examples.map((example) => [example])), options.padToMultipleOf ?? 1);
}

/** Labels of a batch, each as often as it counts. */
export function labelCount(batch: Batch): number {
  return batch.membership.reduce((sum, count) => sum + count, 0);
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
