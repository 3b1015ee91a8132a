// ORPO (Hong et al. 2024, arXiv:2403.07691): cross-entropy on the better answer and a preference by odds, at once and
// without a reference.
import type { Metrics } from '../../../preload/contract.ts';
import type { Batch } from '../../data/types.ts';
import type { OrpoRecipe } from '../../recipe/orpo-recipe.ts';
import type { BatchResult } from '../stepper.ts';
import type { LoadedMethod, MethodContext } from './method.ts';
import { objectiveOf } from './objectives.ts';
import { loadPairs, metricsWithoutReference, perTokenLogProbs, pairsIn, scalesOfPairs, sideScores } from './pairs.ts';

export async function loadOrpo(recipe: OrpoRecipe, context: MethodContext): Promise<LoadedMethod> {
  return {
    ...(await loadPairs(recipe, context, { withPrompts: true })),
    objective: objectiveOf(recipe),
    scales: (batches) => scalesOfPairs(batches, 3),
    metrics: (batch, result) => orpoMetrics(batch, result, recipe.beta),
  };
}

/** TRL's, under the names of its ORPOTrainer. */
function orpoMetrics(batch: Batch, result: BatchResult, beta: number): Metrics {
  const pairs = pairsIn(batch, 3);
  const chosen = sideScores(batch, result, 'chosen', pairs);
  const rejected = sideScores(batch, result, 'rejected', pairs);
  const prompt = sideScores(batch, result, 'prompt', pairs);
  const better = perTokenLogProbs(chosen);
  const logOddsRatios = Array.from(perTokenLogProbs(rejected), (worse, i) => logOdds(better[i] ?? 0) - logOdds(worse));
  return {
    ...metricsWithoutReference(beta, chosen, rejected),
    nll_loss: -(chosen.logProb + prompt.logProb) / Math.max(1, chosen.tokens + prompt.tokens),
    log_odds_chosen: mean(logOddsRatios),
    log_odds_ratio: mean(logOddsRatios.map((ratio) => Math.min(ratio, 0) - Math.log1p(Math.exp(-Math.abs(ratio))))),
  };
}

/** log(p / (1 - p)) from log p; a certain answer counts as certain as the loss takes it. */
function logOdds(logProb: number): number {
  const x = Math.min(logProb, -1e-7);
  return x - Math.log(-Math.expm1(x));
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
