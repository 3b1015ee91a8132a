// Keeps in mind which evaluation was the best, and how many in a row were not, by the rules of transformers' Trainer
// and its EarlyStoppingCallback.
import type { Metrics } from '../../preload/contract.ts';
import { bestMetric } from '../recipe/evaluation.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { UserError } from '../errors.ts';

export type BestState = { value: number; step: number; withoutBetter: number };

export class BestEvaluation {
  readonly #metric: string;
  readonly #greaterIsBetter: boolean;
  readonly #threshold: number;
  readonly #patience: number;
  #state: BestState | undefined;

  constructor(recipe: Recipe, state: BestState | undefined) {
    const { metric, greaterIsBetter } = bestMetric(recipe);
    this.#metric = metric;
    this.#greaterIsBetter = greaterIsBetter;
    this.#threshold = recipe.early_stopping_threshold;
    this.#patience = recipe.early_stopping_patience ?? Infinity;
    this.#state = state;
  }

  get state(): BestState | undefined {
    return this.#state;
  }

  patienceIsOver(): boolean {
    return (this.#state?.withoutBetter ?? 0) >= this.#patience;
  }

  get metric(): string {
    return this.#metric;
  }

  /** Whether this evaluation is better than all before. Throws a UserError where the metric is not among its values. */
  hear(step: number, metrics: Metrics): boolean {
    const value = metrics[this.#metric];
    if (value === undefined)
      throw new UserError({
        code: 'metric-unknown',
        message: `metric_for_best_model is ${this.#metric}, which the evaluation does not have.`,
        fix: `Use one of ${Object.keys(metrics)
          .filter((name) => name.startsWith('eval_'))
          .join(', ')}.`,
      });
    const before = this.#state;
    const gain = before === undefined ? Infinity : this.#greaterIsBetter ? value - before.value : before.value - value;
    // As in transformers, a gain below the threshold is a new best to save, but tries patience all the same.
    const withoutBetter = gain > this.#threshold ? 0 : (before?.withoutBetter ?? 0) + 1;
    const isBest = gain > 0;
    this.#state = before === undefined || isBest ? { value, step, withoutBetter } : { ...before, withoutBetter };
    return isBest;
  }
}
