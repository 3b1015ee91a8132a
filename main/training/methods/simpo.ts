// SimPO (Meng et al. 2024, arXiv:2405.14734): the better answer should lead by a margin in the mean log-probability of
// a token, without a reference.
import type { Metrics } from '../../../preload/contract.ts';
import type { Batch } from '../../data/types.ts';
import type { SimpoRecipe } from '../../recipe/simpo-recipe.ts';
import type { BatchResult } from '../stepper.ts';
import type { LoadedMethod, MethodContext } from './method.ts';
import { objectiveOf } from './objectives.ts';
import { loadPairs, metricsWithoutReference, pairsIn, scalesOfPairs, sideScores } from './pairs.ts';

export async function loadSimpo(recipe: SimpoRecipe, context: MethodContext): Promise<LoadedMethod> {
  return {
    ...(await loadPairs(recipe, context, { withPrompts: false })),
    objective: objectiveOf(recipe),
    scales: (batches) => scalesOfPairs(batches),
    metrics: (batch, result) => simpoMetrics(batch, result, recipe.beta),
  };
}

/** TRL's, under the names of its CPOTrainer; nll_loss is told with cpo_alpha: 0 as well. */
function simpoMetrics(batch: Batch, result: BatchResult, beta: number): Metrics {
  const pairs = pairsIn(batch);
  const chosen = sideScores(batch, result, 'chosen', pairs);
  const rejected = sideScores(batch, result, 'rejected', pairs);
  return {
    ...metricsWithoutReference(beta, chosen, rejected),
    nll_loss: -chosen.logProb / Math.max(1, chosen.tokens),
  };
}
