// What every objective is: from the scores of labels to the loss of a micro-batch.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Dim } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';

export type ObjectiveInputs = {
  /** Negative log-likelihood of each label, [labels, 1]. */
  nll: Tensor;
  /** How often a label counts in a sum, [sequences, labels]. */
  membership: Tensor;
  /** sum_l -membership_sl discount_l nll_l, [sequences]: for preferences, the log-probability of each answer. */
  logProbs: Tensor;
  /** The same without discounts. */
  tokenSums: Tensor;
  /** -log sum_v p_v^2 of each label's prediction, [labels, 1], where the objective asks for it. */
  collisionEntropy: Tensor | undefined;
};

export type Objective = {
  /** Rows of `membership`: the sums that labels join. */
  sequences: Dim;
  /** Whether labels are discounted before they join a sum. */
  discounts: boolean;
  /** Whether the mean logits are reported, which costs a pass over the logits. */
  meanLogits: boolean;
  /** Whether the loss needs the collision entropy, which costs another one. */
  collisionEntropy: boolean;
  /** The loss before it is scaled, shape []. Asks `g` for inputs of its own, which come with the batch. */
  loss(g: GraphBuilder, inputs: ObjectiveInputs): Tensor;
};
