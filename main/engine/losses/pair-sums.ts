// How the sums of a batch of pairs are ordered: those of all chosen answers, then those of all rejected ones, then,
// where a method asks for them, those of the prompts before the chosen ones.
import type { GraphBuilder } from '../graph/builder.ts';
import { multiplyDims, symbol } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';

export const pairSides = { chosen: 0, rejected: 1, prompt: 2 } as const;
export type PairSide = keyof typeof pairSides;

/** How many pairs a batch holds. */
export const pairs = symbol('pairs');
export const sumsOfAnswers = multiplyDims(2, pairs);
export const sumsWithPrompts = multiplyDims(3, pairs);

/** [pairs], of sums in this order. */
export function sideOf(g: GraphBuilder, sums: Tensor, side: PairSide): Tensor {
  const place = pairSides[side];
  return g.slice(sums, 0, multiplyDims(place, pairs), multiplyDims(place + 1, pairs));
}

/**
 * Tokens that a cross-entropy which the pairs of a micro-batch share is the mean over, []. It comes with the batch, since
 * a batch may be a part of the micro-batch: then as many as there would be if its pairs had as many as those of the whole.
 */
export function nllTokens(g: GraphBuilder): Tensor {
  return g.input(nllTokensName, 'float32', []);
}
export const nllTokensName = 'nll_tokens';

/** Labels that join each sum. */
export function labelCounts(g: GraphBuilder, membership: Tensor): Tensor {
  return g.reduceSum(membership, [1], false);
}
