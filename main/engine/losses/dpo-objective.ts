// Preference losses as an objective of the training step: answers are sums over labels, the reference comes with the
// batch. The losses themselves stand in dpo.ts.
import type { GraphBuilder } from '../graph/builder.ts';
import { multiplyDims, symbol } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import { dpoLoss, type DpoLossSettings } from './dpo.ts';
import type { Objective } from './objective.ts';

/** Inputs that come with a batch of pairs, float32 [pairs]. */
export const pairInputs = {
  refChosen: 'ref_chosen_logps',
  refRejected: 'ref_rejected_logps',
  chosenLength: 'chosen_length',
  rejectedLength: 'rejected_length',
} as const;

/** The sum of the losses of all pairs. The chosen answers are the first half of the sequences. */
export function dpoObjective(settings: DpoLossSettings, discounts: boolean): Objective {
  const pairs = symbol('pairs');
  const both = multiplyDims(2, pairs);
  return {
    sequences: both,
    discounts,
    meanLogits: true,
    loss: (g, { logProbs, tokenSums }) => {
      const input = (name: string): Tensor => g.input(name, 'float32', [pairs]);
      const losses = dpoLoss(g, settings, {
        chosen: firstHalf(g, logProbs),
        rejected: g.slice(logProbs, 0, pairs, both),
        refChosen: input(pairInputs.refChosen),
        refRejected: input(pairInputs.refRejected),
        chosenLength: input(pairInputs.chosenLength),
        rejectedLength: input(pairInputs.rejectedLength),
        chosenTokenSum: firstHalf(g, tokenSums),
      });
      return g.reduceSum(losses, [0], false);
    },
  };

  function firstHalf(g: GraphBuilder, x: Tensor): Tensor {
    return g.slice(x, 0, 0, pairs);
  }
}
