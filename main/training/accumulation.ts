// Adds up the gradients of a step's micro-batches and, where memory does not reach for one, goes on with smaller ones and
// more of them. The sum is the same: every row keeps the weight that the step gave it.
import { UserError, messageOf } from '../errors.ts';
import type { SharedRecipe } from '../recipe/shared-keys.ts';
import type { Batch } from '../data/types.ts';
import { derivedSeed } from './dropout.ts';
import type { LoadedMethod } from './methods/method.ts';
import type { MicroBatchResult } from './metrics.ts';
import type { Stepper } from './stepper.ts';

export type AccumulationOptions = {
  stepper: Pick<Stepper, 'accumulate' | 'discard'>;
  method: Pick<LoadedMethod, 'train' | 'scales' | 'metrics'>;
  recipe: Pick<SharedRecipe, 'per_device_train_batch_size' | 'seed'>;
  /** Whether the loss of a micro-batch is the sum of those of its rows: see methods/objectives.ts. */
  canCut: boolean;
  /** From a checkpoint: what memory reached for before. */
  rowsAtOnce?: number | undefined;
  onSmaller: (message: string) => void;
};

export class Accumulation {
  readonly #options: AccumulationOptions;
  #rowsAtOnce: number;

  constructor(options: AccumulationOptions) {
    this.#options = options;
    this.#rowsAtOnce = Math.min(options.recipe.per_device_train_batch_size, options.rowsAtOnce ?? Infinity);
  }

  /** Rows that are computed together. */
  get rowsAtOnce(): number {
    return this.#rowsAtOnce;
  }

  /** The same, where they are fewer than the recipe's. */
  get reducedTo(): number | undefined {
    return this.#rowsAtOnce < this.#options.recipe.per_device_train_batch_size ? this.#rowsAtOnce : undefined;
  }

  /**
   * The gradients of the step with this number, counted from 0, in the stepper; `batches` are the rows of its
   * micro-batches. @throws UserError "out-of-memory" where it does not reach for a single row
   */
  async add(batches: readonly Int32Array[], step: number): Promise<MicroBatchResult[]> {
    return this.#untilItFits(async () => {
      const { stepper, method, recipe } = this.#options;
      const results: MicroBatchResult[] = [];
      for (const { batch, scale } of this.#pieces(batches)) {
        const result = await stepper.accumulate(batch, scale, derivedSeed(recipe.seed, step, results.length));
        results.push({ loss: result.loss, tokens: batch.tokenCount, metrics: method.metrics(batch, result) });
      }
      return results;
    });
  }

  /** Computes a micro-batch, or its part with the longest row, and throws the result away. */
  async tryOut(rows: Int32Array): Promise<void> {
    const { stepper, method, recipe } = this.#options;
    const { lengths } = method.train;
    await this.#untilItFits(async () => {
      const longest = (piece: Int32Array): number => Math.max(...Array.from(piece, (row) => lengths[row] ?? 0));
      const [piece] = this.#cut(rows).sort((a, b) => longest(b) - longest(a));
      if (piece) await stepper.accumulate(method.train.batch(piece), 1, derivedSeed(recipe.seed, 0, 0));
    });
    stepper.discard();
  }

  async #untilItFits<Result>(work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        this.#options.stepper.discard();
        this.#halve(error);
      }
    }
  }

  /** Micro-batches as they fit, each with the scale of the one that it is part of. */
  *#pieces(batches: readonly Int32Array[]): Generator<{ batch: Batch; scale: number }> {
    const { method } = this.#options;
    const whole = batches.map((rows) => method.train.batch(rows));
    const scales = method.scales(whole);
    for (const [i, rows] of batches.entries())
      for (const piece of this.#cut(rows)) {
        const batch = piece.length === rows.length ? whole[i] : method.train.batch(piece);
        if (batch) yield { batch, scale: scales[i] ?? 0 };
      }
  }

  #cut(rows: Int32Array): Int32Array[] {
    const size = this.#rowsAtOnce;
    return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => rows.slice(i * size, (i + 1) * size));
  }

  #halve(cause: unknown): void {
    const { canCut, onSmaller } = this.#options;
    const before = this.#rowsAtOnce;
    if (before === 1 || !canCut) throw notEnough(before, canCut, cause);
    this.#rowsAtOnce = Math.ceil(before / 2);
    onSmaller(
      `There was not enough memory for ${before} rows at once (${reasonOf(cause)}). From here on micro-batches have ` +
        `${this.#rowsAtOnce}, and a step takes as many more of them: the same mathematics, a little slower.`,
    );
  }
}

/** The runtime's refusal, or V8's. */
function isOutOfMemory(error: unknown): boolean {
  if (error instanceof UserError) return error.code === 'out-of-memory';
  return error instanceof RangeError && /allocation failed/i.test(error.message);
}

const reasonOf = (error: unknown): string => messageOf(error).replace(/\.$/, '');

function notEnough(rows: number, canCut: boolean, cause: unknown): UserError {
  const others = 'set gradient_checkpointing: true or load_in_4bit: true, lower max_length, or close other programs';
  const text = canCut
    ? {
        message: `There was not enough memory for a single row: ${reasonOf(cause)}.`,
        fix: `To need less, ${others}.`,
      }
    : {
        message: `There was not enough memory for ${rows} rows at once, and this loss weighs them together: ${reasonOf(cause)}.`,
        fix: `Lower per_device_train_batch_size and raise gradient_accumulation_steps; or ${others}.`,
      };
  return new UserError({ code: 'out-of-memory', ...text }, { cause });
}
