// log(1 / (1 + e^-x)) without overflow, from ops that every device has a kernel for.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';

/**
 * log s(x) = min(x, 0) + log s(|x|), of the shape of `x`: the logarithm's argument is at least a half, so nothing
 * overflows. Its gradient, s(-x), is given as such: 1 - s(|x|) would lose all its digits where s(|x|) rounds to 1.
 */
export function logSigmoid(g: GraphBuilder, x: Tensor): Tensor {
  const negative = g.op('Less', [x, g.scalar(0)], {});
  const size = g.where(negative, g.neg(x), x);
  const value = g.add(g.where(negative, x, g.scalar(0)), g.log(g.sigmoid(size)));
  return g.withGradient(value, [x], (dy) => [g.mul(dy, g.sigmoid(g.neg(x)))]);
}
