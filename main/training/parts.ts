// A micro-batch in parts: cut where memory does not reach for all of its rows at once, put together again so that
// whatever is reported is what the whole would have given.
import type { Batch } from '../data/types.ts';
import type { BatchLimit } from './batch-limit.ts';
import type { LoadedMethod, Rows } from './methods/method.ts';
import type { BatchResult } from './stepper.ts';

/** What is cut: rows of a source, and the batch of all of them. */
export type Whole = { source: Pick<Rows, 'batch'>; rows: Int32Array; batch: Batch };

/** Runs the whole where the limit allows for it, else its parts one after the other; gives the result of the whole. */
export async function runInParts(
  { source, rows, batch: whole }: Whole,
  { limit, partOf = (part) => part }: { limit: Pick<BatchLimit, 'cut'>; partOf?: LoadedMethod['partOf'] },
  run: (batch: Batch) => Promise<BatchResult>,
): Promise<BatchResult> {
  const pieces = limit.cut(rows);
  if (pieces.length <= 1) return run(whole);
  let loss = 0;
  let scores = new Float32Array();
  let from = 0;
  for (const piece of pieces) {
    const part = partOf(source.batch(piece), whole);
    const result = await run(part);
    const columns = result.scores.length / part.sequences;
    if (scores.length === 0) scores = new Float32Array(whole.sequences * columns);
    // One sum for all rows, or some of each row, those of the same side together: see pair-sums.ts.
    const placeOf = (sequence: number): number =>
      whole.sequences === 1 ? 0 : Math.floor(sequence / piece.length) * rows.length + from + (sequence % piece.length);
    for (const [i, value] of result.scores.entries()) {
      const target = placeOf(Math.floor(i / columns)) * columns + (i % columns);
      scores[target] = (scores[target] ?? 0) + value;
    }
    loss += result.loss;
    from += piece.length;
  }
  return { loss, scores };
}
