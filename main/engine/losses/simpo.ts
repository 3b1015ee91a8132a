// SimPO (arXiv 2405.14734): preference without a reference, by the mean log-probability of a token.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { logSigmoid } from './log-sigmoid.ts';
import type { Objective } from './objective.ts';
import { chosenNll, type PairLogProbs, perToken } from './pair-log-probs.ts';
import { labelCounts, nllTokens, sideOf, sumsOfAnswers } from './pair-sums.ts';

export type SimpoSettings = {
  beta: number;
  /** The margin by which the chosen reward should lead. */
  simpoGamma: number;
  /** How often a pair is assumed to be the wrong way round. */
  labelSmoothing: number;
  /** Weight of the cross-entropy on the chosen completions (CPO-SimPO); 0 is SimPO as published. */
  cpoAlpha: number;
};

/** The sum of the losses of all pairs. */
export function simpoObjective(settings: SimpoSettings): Objective {
  return {
    sequences: sumsOfAnswers,
    discounts: false,
    meanLogits: true,
    collisionEntropy: false,
    loss: (g, { membership, logProbs }) => {
      const counts = labelCounts(g, membership);
      const chosen = sideOf(g, logProbs, 'chosen');
      const losses = simpoLoss(g, settings, {
        chosen,
        rejected: sideOf(g, logProbs, 'rejected'),
        chosenLength: sideOf(g, counts, 'chosen'),
        rejectedLength: sideOf(g, counts, 'rejected'),
        chosenTokenSum: chosen,
        ...(settings.cpoAlpha !== 0 && { nllTokens: nllTokens(g) }),
      });
      return g.reduceSum(losses, [0], false);
    },
  };
}

/**
 * With m = beta (chosen / chosenLength - rejected / rejectedLength) - gamma, for each pair, [pairs]:
 *
 *     -(1 - e) log s(m) - e log s(-m) + cpoAlpha nll(chosen)
 *
 * nll is the token mean of the batch. The mean over pairs is the batch's loss.
 */
export function simpoLoss(
  g: GraphBuilder,
  { beta, simpoGamma, labelSmoothing, cpoAlpha }: SimpoSettings,
  logProbs: Omit<PairLogProbs, 'refChosen' | 'refRejected'>,
): Tensor {
  const chosen = perToken(g, logProbs.chosen, logProbs.chosenLength);
  const rejected = perToken(g, logProbs.rejected, logProbs.rejectedLength);
  const margin = g.sub(g.scale(g.sub(chosen, rejected), beta), g.scalar(simpoGamma));
  const right = g.scale(logSigmoid(g, margin), labelSmoothing - 1);
  const preference = labelSmoothing === 0 ? right : g.sub(right, g.scale(logSigmoid(g, g.neg(margin)), labelSmoothing));
  return cpoAlpha === 0 ? preference : g.add(preference, g.scale(chosenNll(g, logProbs), cpoAlpha));
}
