// Preference losses as an objective of the training step: answers are sums over labels, the reference comes with the
// batch. The losses themselves stand in dpo.ts.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { dpoLoss, type DpoLossSettings } from './dpo.ts';
import type { Objective, ObjectiveInputs } from './objective.ts';
import { perToken } from './pair-log-probs.ts';
import { labelCounts, nllTokens, pairs, sideOf, sumsOfAnswers } from './pair-sums.ts';

/** Inputs that come with a batch of pairs, float32 [pairs]. */
export const pairInputs = {
  refChosen: 'ref_chosen_logps',
  refRejected: 'ref_rejected_logps',
  chosenLength: 'chosen_length',
  rejectedLength: 'rejected_length',
} as const;

/** The sum of the losses of all pairs, each weighed as WPO does where it is `weighted`. */
export function dpoObjective(
  settings: DpoLossSettings,
  { discounts, weighted }: { discounts: boolean; weighted: boolean },
): Objective {
  return {
    sequences: sumsOfAnswers,
    discounts,
    meanLogits: true,
    collisionEntropy: weighted,
    loss: (g, inputs) => {
      const { logProbs, tokenSums } = inputs;
      const input = (name: string): Tensor => g.input(name, 'float32', [pairs]);
      const losses = dpoLoss(g, settings, {
        chosen: sideOf(g, logProbs, 'chosen'),
        rejected: sideOf(g, logProbs, 'rejected'),
        refChosen: input(pairInputs.refChosen),
        refRejected: input(pairInputs.refRejected),
        chosenLength: input(pairInputs.chosenLength),
        rejectedLength: input(pairInputs.rejectedLength),
        chosenTokenSum: sideOf(g, tokenSums, 'chosen'),
        ...(settings.lossTypes.includes('sft') && { nllTokens: nllTokens(g) }),
      });
      return g.reduceSum(weighted ? g.mul(losses, wpoWeights(g, inputs)) : losses, [0], false);
    },
  };
}

/**
 * WPO (arXiv 2406.11827, eq. 2): how likely the model itself would give the answers of a pair, [pairs]. With w of an
 * answer = exp(mean_l(log p_l - log sum_v p_v^2)), the product of both. No gradient flows through it.
 */
function wpoWeights(g: GraphBuilder, { nll, membership, collisionEntropy }: ObjectiveInputs): Tensor {
  if (!collisionEntropy) throw new Error('WPO needs the collision entropy');
  const sums = g.reshape(g.matMul(membership, g.sub(collisionEntropy, nll)), [sumsOfAnswers]);
  const means = perToken(g, sums, labelCounts(g, membership));
  const weights = g.exp(g.add(sideOf(g, means, 'chosen'), sideOf(g, means, 'rejected')));
  return g.withGradient(weights, [], () => []);
}
