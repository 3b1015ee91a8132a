// What a preference loss is made of: log-probabilities of a chosen and a rejected completion of the same prompt.
// Summing them over tokens is the model's side, comparing them the losses'.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';

/** All float32 [pairs]. Log-probabilities are sums over the tokens of a completion, the prompt given. */
export type PairLogProbs = {
  /** By the model in training; with ld_alpha, tokens past the shorter completion's length count by that factor. */
  chosen: Tensor;
  rejected: Tensor;
  /** By the reference, summed in the same way. */
  refChosen: Tensor;
  refRejected: Tensor;
  /** Completion tokens. */
  chosenLength: Tensor;
  rejectedLength: Tensor;
  /** The plain sum for the chosen completion: `chosen` itself unless ld_alpha is set. */
  chosenTokenSum: Tensor;
  /** Of the micro-batch: see chosenNll. Absent: those of these completions. */
  nllTokens?: Tensor;
};

/** sum / length; an empty completion counts as one token. */
export function perToken(g: GraphBuilder, sum: Tensor, length: Tensor): Tensor {
  return g.div(sum, g.where(g.op('Less', [length, g.scalar(1)], {}), g.scalar(1), length));
}

/**
 * Mean cross-entropy over all tokens of the chosen completions, [1]. With nllTokens, a share of a mean over more of them:
 * sum / nllTokens.
 */
export function chosenNll(
  g: GraphBuilder,
  {
    chosenTokenSum,
    chosenLength,
    nllTokens = g.reduceSum(chosenLength, [0]),
  }: Pick<PairLogProbs, 'chosenTokenSum' | 'chosenLength' | 'nllTokens'>,
): Tensor {
  return g.neg(perToken(g, g.reduceSum(chosenTokenSum, [0]), nllTokens));
}
