// When a recipe evaluates, and which evaluation it calls the best, by the rules of transformers' Trainer.
import type { SharedRecipe } from './shared-keys.ts';

/** Whether a recipe asks for evaluation, which then needs rows to evaluate on. */
export function evaluates(recipe: Pick<SharedRecipe, 'eval_strategy' | 'eval_on_start'>): boolean {
  return recipe.eval_strategy !== 'no' || recipe.eval_on_start;
}

export type BestMetric = { metric: `eval_${string}`; greaterIsBetter: boolean };

/** The metric that decides which evaluation is the best: by default the lowest eval_loss. */
export function bestMetric(recipe: Pick<SharedRecipe, 'metric_for_best_model' | 'greater_is_better'>): BestMetric {
  const name = (recipe.metric_for_best_model ?? 'loss').replace(/^eval_/, '');
  return { metric: `eval_${name}`, greaterIsBetter: recipe.greater_is_better ?? !name.endsWith('loss') };
}

/** Whether a run has to know its best evaluation: to save it, to end with it, or to stop when none is better. */
export function seeksBest(
  recipe: Pick<SharedRecipe, 'save_strategy' | 'load_best_model_at_end' | 'early_stopping_patience'>,
): boolean {
  return (
    recipe.save_strategy === 'best' || recipe.load_best_model_at_end || recipe.early_stopping_patience !== undefined
  );
}
