// Gradient clipping by global norm (Pascanu et al. 2013, arXiv:1211.5063), with PyTorch's guard against division by 0.
// The norm runs over all parameters, which are visited piece by piece: the graph sums squares, the host adds them up.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';

/** sum(x^2), shape []. */
export function sumOfSquares(g: GraphBuilder, x: Tensor): Tensor {
  return g.reduceSum(
    g.mul(x, x),
    x.shape.map((_, axis) => axis),
    false,
  );
}

/** What all gradients are multiplied with: min(1, maxNorm / (norm + 1e-6)); 1 when maxNorm is 0. */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
}
