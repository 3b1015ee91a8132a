// Adds up the gradients of a step's micro-batches and, where memory does not reach for one, goes on with smaller ones and
// more of them. The sum is the same: every row keeps the weight that the step gave it.
import type { BatchLimit } from './batch-limit.ts';
import { derivedSeed } from './dropout.ts';
import type { LoadedMethod } from './methods/method.ts';
import type { MicroBatchResult } from './metrics.ts';
import { runInParts } from './parts.ts';
import type { Stepper } from './stepper.ts';

export type AccumulationOptions = {
  stepper: Pick<Stepper, 'accumulate' | 'discard'>;
  method: Pick<LoadedMethod, 'train' | 'scales' | 'metrics' | 'partOf'>;
  /** Of the recipe. */
  seed: number;
  limit: BatchLimit;
};

export class Accumulation {
  readonly #options: AccumulationOptions;

  constructor(options: AccumulationOptions) {
    this.#options = options;
  }

  /**
   * The gradients of the step with this number, counted from 0, in the stepper; `batches` are the rows of its
   * micro-batches, each of which has a result. @throws UserError "out-of-memory" where it does not reach for a single row
   */
  async add(batches: readonly Int32Array[], step: number): Promise<MicroBatchResult[]> {
    const { stepper, method, seed, limit } = this.#options;
    return limit.untilItFits(
      async () => {
        const wholes = batches.map((rows) => ({ source: method.train, rows, batch: method.train.batch(rows) }));
        const scales = method.scales(wholes.map(({ batch }) => batch));
        const results: MicroBatchResult[] = [];
        let runs = 0;
        for (const [i, whole] of wholes.entries()) {
          const { batch } = whole;
          const result = await runInParts(whole, { limit, partOf: method.partOf }, (part) =>
            stepper.accumulate(part, scales[i] ?? 0, derivedSeed(seed, step, runs++)),
          );
          results.push({ loss: result.loss, tokens: batch.tokenCount, metrics: method.metrics(batch, result) });
        }
        return results;
      },
      () => stepper.discard(),
    );
  }

  /** Computes a micro-batch, or its part with the longest row, and throws the result away. */
  async tryOut(rows: Int32Array): Promise<void> {
    const { stepper, method, seed, limit } = this.#options;
    const { lengths } = method.train;
    const longest = (piece: Int32Array): number => Math.max(...Array.from(piece, (row) => lengths[row] ?? 0));
    await limit.untilItFits(
      async () => {
        const [piece] = limit.cut(rows).sort((a, b) => longest(b) - longest(a));
        if (piece) await stepper.accumulate(method.train.batch(piece), 1, derivedSeed(seed, 0, 0));
      },
      () => stepper.discard(),
    );
    stepper.discard();
  }
}
