// Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290) and its relatives: pairs of answers, compared
// with what the model said of them before training.
import type { Metrics } from '../../../preload/contract.ts';
import type { Batch } from '../../data/types.ts';
import { pairInputs } from '../../engine/losses/dpo-objective.ts';
import { pairRewards } from '../../engine/losses/pair-rewards.ts';
import type { DpoRecipe } from '../../recipe/dpo-recipe.ts';
import { referenceLogProbs } from '../reference-log-probs.ts';
import type { BatchResult } from '../stepper.ts';
import type { LoadedMethod, MethodContext } from './method.ts';
import { objectiveOf } from './objectives.ts';
import { answerMetrics, loadPairs, type Pairs, pairsIn, scalesOfPairs, sideScores } from './pairs.ts';

/** Pairs with the reference's log-probabilities, which are there once training begins. */
type ComparedPairs = Pairs & { reference: Float32Array | undefined };

export async function loadDpo(recipe: DpoRecipe, context: MethodContext): Promise<LoadedMethod> {
  const loaded = await loadPairs(recipe, context, { withPrompts: false });
  const train = comparedPairs(loaded.train, recipe);
  const evaluation = loaded.evaluation && comparedPairs(loaded.evaluation, recipe);
  const stuck = new StuckAlarm();
  return {
    ...loaded,
    train,
    evaluation,
    objective: objectiveOf(recipe),
    begin: async (stepper) => {
      for (const [pairs, which] of [
        [train, 'training'],
        [evaluation, 'evaluation'],
      ] as const) {
        if (!pairs) continue;
        pairs.reference = await referenceLogProbs(stepper, pairs, {
          dataset: pairs.dataset.fingerprint,
          settings: { ldAlpha: recipe.ld_alpha, startsFromAdapter: recipe.adapter_name_or_path !== undefined },
          batch:
            recipe.precompute_ref_batch_size === undefined
              ? { size: recipe.per_device_eval_batch_size, key: 'per_device_eval_batch_size' }
              : { size: recipe.precompute_ref_batch_size, key: 'precompute_ref_batch_size' },
          which,
          ...context,
        });
      }
    },
    scales: (batches) => scalesOfPairs(batches),
    metrics: (batch, result) => pairMetrics(batch, result, recipe.beta),
    watch: (loss, metrics) => stuck.hear(loss, metrics['rewards/margins'] ?? Number.NaN),
  };
}

function comparedPairs(pairs: Pairs, recipe: DpoRecipe): ComparedPairs {
  const { dataset } = pairs;
  const compared: ComparedPairs = {
    ...pairs,
    reference: undefined,
    batch: (rows) => {
      const batch = pairs.batch(rows);
      const vector = (of: (row: number) => number) => ({ dims: [rows.length], data: Float32Array.from(rows, of) });
      return {
        ...batch,
        ...(recipe.ld_alpha === undefined ? {} : { labelDiscounts: discountsOf(batch, recipe.ld_alpha) }),
        extra: new Map([
          ...(batch.extra ?? []),
          [pairInputs.refChosen, vector((row) => compared.reference?.[2 * row] ?? 0)],
          [pairInputs.refRejected, vector((row) => compared.reference?.[2 * row + 1] ?? 0)],
          [pairInputs.chosenLength, vector((row) => dataset.counts(row).chosen)],
          [pairInputs.rejectedLength, vector((row) => dataset.counts(row).rejected)],
        ]),
      };
    },
  };
  return compared;
}

/** LD-DPO (arXiv:2409.06411): tokens past the length of the shorter answer count `alpha`. */
function discountsOf(batch: Batch, alpha: number): Float32Array {
  const labels = batch.labelRows.length;
  const pairs = pairsIn(batch);
  const discounts = new Float32Array(labels).fill(1);
  const members = Array.from({ length: batch.sequences }, (_, s) =>
    Array.from({ length: labels }, (_, label) => label).filter(
      (label) => (batch.membership[s * labels + label] ?? 0) > 0,
    ),
  );
  for (let pair = 0; pair < pairs; pair++) {
    const [chosen = [], rejected = []] = [members[pair], members[pairs + pair]];
    const sharedLength = Math.min(chosen.length, rejected.length);
    for (const side of [chosen, rejected]) for (const label of side.slice(sharedLength)) discounts[label] = alpha;
  }
  return discounts;
}

/** TRL's: rewards and log-probabilities are means over pairs, the others over tokens. */
function pairMetrics(batch: Batch, result: BatchResult, beta: number): Metrics {
  const pairs = pairsIn(batch);
  const chosen = sideScores(batch, result, 'chosen', pairs);
  const rejected = sideScores(batch, result, 'rejected', pairs);
  return {
    ...pairRewards(beta, {
      chosen: chosen.logProbs,
      rejected: rejected.logProbs,
      refChosen: batch.extra?.get(pairInputs.refChosen)?.data ?? [],
      refRejected: batch.extra?.get(pairInputs.refRejected)?.data ?? [],
    }),
    ...answerMetrics(chosen, rejected),
  };
}

/** Notices that nothing is learned: the margin stays at 0, or the loss at ln 2, which is where it starts. */
class StuckAlarm {
  #still = 0;
  #told = false;

  /** Once, after 50 steps in a row. */
  hear(loss: number, margin: number): string | undefined {
    const stuck = Math.abs(margin) < 1e-4 || Math.abs(loss - Math.LN2) < 1e-5;
    this.#still = stuck ? this.#still + 1 : 0;
    if (this.#still < stuckSteps || this.#told) return undefined;
    this.#told = true;
    return (
      `For ${stuckSteps} steps the model has not told chosen from rejected answers (rewards/margins ${margin.toExponential(1)}, ` +
      `loss ${loss.toFixed(4)}). Raise learning_rate, check that the columns are not swapped or alike, or look at the pairs token by token.`
    );
  }
}

const stuckSteps = 50;
