// How a recipe counts steps once their total is known.
import type { SharedRecipe } from './shared-keys.ts';

/** An interval in steps: values below 1 are a share of all steps, rounded up, as transformers does. */
export function intervalSteps(value: number, totalSteps: number): number {
  return value < 1 ? Math.max(1, Math.ceil(value * totalSteps)) : value;
}

/** Steps of warmup: values below 1 are a share of all steps, rounded up. */
export function warmupSteps(recipe: Pick<SharedRecipe, 'warmup_steps'>, totalSteps: number): number {
  return recipe.warmup_steps < 1 ? Math.ceil(recipe.warmup_steps * totalSteps) : recipe.warmup_steps;
}

/** Steps between evaluations under eval_strategy: steps. */
export function evalSteps(recipe: Pick<SharedRecipe, 'eval_steps' | 'logging_steps'>, totalSteps: number): number {
  return intervalSteps(recipe.eval_steps ?? recipe.logging_steps, totalSteps);
}
