// Root-mean-square layer normalisation (Zhang and Sennrich 2019, arXiv:1910.07467).
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';

/** x / sqrt(mean(x^2) + epsilon) * weight over the last axis. */
export function rmsNorm(g: GraphBuilder, x: Tensor, weight: Tensor, epsilon: number): Tensor {
  return g.cheap(g.op('SimplifiedLayerNormalization', [x, weight], { epsilon }));
}
