// At which steps a run logs, evaluates, samples and saves.
import type { Recipe } from '../recipe/recipe.ts';
import { evalSteps, intervalSteps } from '../recipe/steps.ts';
import type { TrainingPlan } from './plan.ts';

export type Timetable = Record<'log' | 'evaluate' | 'sample' | 'save', (step: number) => boolean>;

/** By the rules of transformers' Trainer, and always at the last step too. Steps count from 1. */
export function timetable(
  recipe: Recipe,
  { totalSteps, stepsPerEpoch, epochAfter }: Pick<TrainingPlan, 'totalSteps' | 'stepsPerEpoch' | 'epochAfter'>,
): Timetable {
  const every = (interval: number) => (step: number) => step % interval === 0 || step === totalSteps;
  const never = (): boolean => false;
  const by = (strategy: 'no' | 'steps' | 'epoch' | 'best', steps: number) =>
    strategy === 'epoch' ? every(stepsPerEpoch) : strategy === 'steps' ? every(steps) : never;

  const logs = by(recipe.logging_strategy, intervalSteps(recipe.logging_steps, totalSteps));
  const evaluates = by(recipe.eval_strategy, evalSteps(recipe, totalSteps));
  const evaluate = (step: number): boolean => {
    const done = recipe.eval_strategy === 'epoch' ? epochAfter(step) : step;
    return evaluates(step) && done >= recipe.eval_delay;
  };
  const samples =
    recipe.sample_steps === undefined
      ? recipe.eval_strategy === 'no'
        ? every(totalSteps)
        : evaluate
      : every(intervalSteps(recipe.sample_steps, totalSteps));
  return {
    log: (step) => logs(step) || (recipe.logging_first_step && step === 1),
    evaluate,
    sample: recipe.sample_prompts === undefined ? never : samples,
    save: by(recipe.save_strategy, intervalSteps(recipe.save_steps, totalSteps)),
  };
}
