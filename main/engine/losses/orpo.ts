// ORPO (arXiv 2403.07691): cross-entropy on the chosen completion plus a preference by odds, without a reference.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { logSigmoid } from './log-sigmoid.ts';
import type { Objective } from './objective.ts';
import { chosenNll, type PairLogProbs, perToken } from './pair-log-probs.ts';
import { labelCounts, nllTokens, sideOf, sumsWithPrompts } from './pair-sums.ts';

/** The sum of the losses of all pairs, with TRL's cross-entropy: over prompts and chosen completions. */
export function orpoObjective(beta: number): Objective {
  return {
    sequences: sumsWithPrompts,
    discounts: false,
    meanLogits: true,
    collisionEntropy: false,
    loss: (g, { membership, logProbs }) => {
      const counts = labelCounts(g, membership);
      const answers = {
        chosen: sideOf(g, logProbs, 'chosen'),
        rejected: sideOf(g, logProbs, 'rejected'),
        chosenLength: sideOf(g, counts, 'chosen'),
        rejectedLength: sideOf(g, counts, 'rejected'),
      };
      const whole = (sums: Tensor): Tensor => g.add(sideOf(g, sums, 'prompt'), sideOf(g, sums, 'chosen'));
      const nll = chosenNll(g, {
        chosenTokenSum: whole(logProbs),
        chosenLength: whole(counts),
        nllTokens: nllTokens(g),
      });
      return g.reduceSum(orpoLoss(g, beta, answers, nll), [0], false);
    },
  };
}

/**
 * With p the mean probability of a token, log p = logps / length, and odds = p / (1 - p), for each pair, [pairs]:
 *
 *     nll - beta log s(log odds(chosen) - log odds(rejected))
 *
 * `nll` is a mean cross-entropy of shape [] or [1]: over the chosen completions in the paper, over prompts and chosen
 * completions in TRL. beta is the paper's lambda. The mean over pairs is the batch's loss.
 */
export function orpoLoss(
  g: GraphBuilder,
  beta: number,
  logProbs: Pick<PairLogProbs, 'chosen' | 'rejected' | 'chosenLength' | 'rejectedLength'>,
  nll: Tensor,
): Tensor {
  const chosen = logOdds(g, perToken(g, logProbs.chosen, logProbs.chosenLength));
  const rejected = logOdds(g, perToken(g, logProbs.rejected, logProbs.rejectedLength));
  return g.sub(nll, g.scale(logSigmoid(g, g.sub(chosen, rejected)), beta));
}

/**
 * x - log(1 - e^x) for x = log p. 1 - e^x = tanh(-x/2) (1 + e^x), which keeps its digits where e^x is nearly 1.
 * A probability of 1 has no finite odds: nearer to it than float32 resolves, x stops at -1e-7, without a gradient.
 */
function logOdds(g: GraphBuilder, logProb: Tensor): Tensor {
  const limit = g.scalar(-1e-7);
  const x = g.where(g.op('Less', [limit, logProb], {}), limit, logProb);
  const tanh = g.op('Tanh', [g.scale(x, -0.5)], {});
  const complement = g.add(g.log(tanh), g.log(g.add(g.exp(x), g.scalar(1))));
  return g.sub(x, complement);
}
