// DoRA (Liu et al. 2024, arXiv:2402.09353): a LoRA whose merged weight has rows of a trained length. Only the rescaling
// of rows is here; the branch itself is lora.ts's.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';

export type DoraRows = {
  /** x -> x W' without bias, for whatever W the layer has. */
  product: (x: Tensor) => Tensor;
  /** Sum of the squares of each row of W, [1, out]. */
  rowSquares: Tensor;
  /** [rank, in] */
  a: Tensor;
  /** [out, rank] */
  b: Tensor;
  scale: number;
};

/**
 * Norms of the rows of V = W + s B A, [1, out]. The square is expanded,
 * |W|^2 + 2 s rows((W A') * B) + s^2 rows((B (A A')) * B), so that nothing of W's size is made and W is only ever
 * multiplied by. float32 loses digits only where B A cancels most of a row of W, far from where training goes.
 */
export function doraNorms(g: GraphBuilder, { product, rowSquares, a, b, scale }: DoraRows): Tensor {
  const norms = (): Tensor => {
    const projected = product(a); // [rank, out]
    const overlap = g.gemm(a, a, { transB: true }); // [rank, rank]
    const change = g.gemm(overlap, b, { transB: true, alpha: scale * scale, c: g.scale(projected, 2 * scale) });
    const squares = g.reduceSum(g.mul(change, g.transpose(b, [1, 0])), [0]);
    return g.sqrt(g.add(rowSquares, squares));
  };
  return g.scope('norm', () => g.exact(norms));
}

/**
 * What rows are multiplied by: magnitude / norms, [1, out]. The norms count as constant in the backward pass
 * (section 4.3 of the paper).
 */
export function doraFactors(g: GraphBuilder, magnitude: Tensor, rows: DoraRows): Tensor {
  return g.div(
    magnitude,
    g.withGradient(doraNorms(g, rows), [], () => []),
  );
}
