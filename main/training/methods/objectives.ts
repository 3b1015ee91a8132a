// The objective of each recipe: what is minimised follows from its keys alone, before any data is read.
import { dpoObjective } from '../../engine/losses/dpo-objective.ts';
import type { Objective } from '../../engine/losses/objective.ts';
import { orpoObjective } from '../../engine/losses/orpo.ts';
import { sftObjective } from '../../engine/losses/sft.ts';
import { simpoObjective } from '../../engine/losses/simpo.ts';
import type { Recipe } from '../../recipe/recipe.ts';

export function objectiveOf(recipe: Recipe): Objective {
  switch (recipe.method) {
    case 'sft':
      return sftObjective(recipe.loss_type);
    case 'dpo':
      return dpoObjective(
        {
          lossTypes: recipe.loss_type,
          lossWeights: recipe.loss_weights ?? recipe.loss_type.map(() => 1),
          beta: recipe.beta,
          labelSmoothing: recipe.label_smoothing,
          fDivergenceType: recipe.f_divergence_type,
          fAlphaDivergenceCoef: recipe.f_alpha_divergence_coef,
          discopopTau: recipe.discopop_tau,
        },
        { discounts: recipe.ld_alpha !== undefined, weighted: recipe.use_weighting },
      );
    case 'orpo':
      return orpoObjective(recipe.beta);
    case 'simpo':
      return simpoObjective({
        beta: recipe.beta,
        simpoGamma: recipe.simpo_gamma,
        labelSmoothing: recipe.label_smoothing,
        cpoAlpha: recipe.cpo_alpha,
      });
  }
}

/**
 * Whether a micro-batch's loss is a sum over its rows, so that it can be cut into smaller ones with the same result. What
 * sorts its pairs cannot, nor a product of a weight of each pair with a mean over all of them.
 */
export function canCutBatches(recipe: Recipe): boolean {
  switch (recipe.method) {
    case 'dpo':
      return !recipe.loss_type.some((type) => sorting.has(type) || (type === 'sft' && recipe.use_weighting));
    case 'sft':
    case 'orpo':
    case 'simpo':
      return true;
  }
}

const sorting: ReadonlySet<string> = new Set(['aot', 'aot_unpaired']);
