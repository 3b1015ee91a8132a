// How many rows are computed together: as many as the recipe says, and half of them whenever memory does not reach.
import { messageOf, UserError } from '../errors.ts';

export type BatchLimitOptions = {
  /** As the recipe has it. */
  rows: number;
  /** How often that is halved from the start, and what memory reached for before. */
  halvings?: number | undefined;
  atMost?: number | undefined;
  /** Whether fewer at once come to the same. */
  canCut: boolean;
  /** The key of the recipe that says how many. */
  key: string;
  /** "2 rows at once" is not enough: what is done from here on. */
  onSmaller: (change: { message: string; rows: number }) => void;
  /** How it goes on, after "From here on ". */
  goesOn: (rows: number) => string;
};

export class BatchLimit {
  readonly #options: BatchLimitOptions;
  #rows: number;

  constructor(options: BatchLimitOptions) {
    this.#options = options;
    const { rows, halvings = 0, atMost = Infinity } = options;
    this.#rows = Math.min(halved(rows, halvings), atMost);
  }

  /** Rows that are computed together. */
  get rows(): number {
    return this.#rows;
  }

  /** The same, where they are fewer than the recipe's. */
  get reducedTo(): number | undefined {
    return this.#rows < this.#options.rows ? this.#rows : undefined;
  }

  /** Rows in parts that are computed one after the other. */
  cut(rows: Int32Array): Int32Array[] {
    const size = this.#rows;
    return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => rows.slice(i * size, (i + 1) * size));
  }

  /**
   * Does the work again with fewer rows for as long as memory does not reach; `before` each further time.
   * @throws UserError "out-of-memory" where it does not reach for a single row
   */
  async untilItFits<Result>(work: () => Promise<Result>, before?: () => void): Promise<Result> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        before?.();
        this.#halve(error);
      }
    }
  }

  #halve(cause: unknown): void {
    const { canCut, onSmaller, goesOn } = this.#options;
    const had = this.#rows;
    if (had === 1 || !canCut) throw this.#notEnough(cause);
    const rows = halved(had);
    this.#rows = rows;
    onSmaller({
      rows,
      message: `There was not enough memory for ${had} rows at once (${reasonOf(cause)}). From here on ${goesOn(rows)}.`,
    });
  }

  #notEnough(cause: unknown): UserError {
    const others = 'set gradient_checkpointing: true or load_in_4bit: true, lower max_length, or close other programs';
    const { canCut, key } = this.#options;
    const text = canCut
      ? {
          message: `There was not enough memory for a single row: ${reasonOf(cause)}.`,
          fix: `To need less, ${others}.`,
        }
      : {
          message: `There was not enough memory for ${this.#rows} rows at once, and this loss weighs them together: ${reasonOf(cause)}.`,
          fix: `Lower ${key}${key === 'per_device_train_batch_size' ? ' and raise gradient_accumulation_steps' : ''}; or ${others}.`,
        };
    return new UserError({ code: 'out-of-memory', ...text }, { cause });
  }
}

/** Rows after so many halvings. */
export function halved(rows: number, times = 1): number {
  return Math.ceil(rows / 2 ** times);
}

/** The runtime's refusal, or V8's. */
function isOutOfMemory(error: unknown): boolean {
  if (error instanceof UserError) return error.code === 'out-of-memory';
  return error instanceof RangeError && /allocation failed/i.test(error.message);
}

const reasonOf = (error: unknown): string => messageOf(error).replace(/\.$/, '');
