// Gradient clipping by global norm (Pascanu et al. 2013, arXiv:1211.5063), with PyTorch's guard against division by 0.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';

export type Clipped = {
  gradients: readonly Tensor[];
  /** L2 norm over all gradients before clipping, shape []. */
  norm: Tensor;
};

/** Gradients times min(1, maxNorm / (norm + 1e-6)); unchanged when maxNorm is 0. */
export function clipByGlobalNorm(g: GraphBuilder, gradients: readonly Tensor[], maxNorm: number): Clipped {
  const squares = gradients.map((x) =>
    g.reduceSum(
      g.mul(x, x),
      x.shape.map((_, axis) => axis),
      false,
    ),
  );
  const norm = g.sqrt(squares.reduce((a, b) => g.add(a, b)));
  if (maxNorm === 0) return { gradients, norm };
  const ratio = g.div(g.scalar(maxNorm), g.add(norm, g.scalar(1e-6)));
  const factor = g.where(g.op('Less', [ratio, g.scalar(1)], {}), ratio, g.scalar(1));
  return { gradients: gradients.map((x) => g.mul(x, factor)), norm };
}
