// Pairs the values of two vectors in ascending order, the optimal transport between them in one dimension. No values
// are moved: the cost of every combination is weighed by whether the two take the same place, so that no device needs
// a kernel that sorts.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';

/**
 * The costs of a_(k) - b_(k) over places k of the ascending order, [n] in the order of `a`: the sum is that of the
 * sorted vectors. Equal values share their places evenly, and with them their gradient.
 */
export function sortedPairCost(
  g: GraphBuilder,
  a: Tensor, // [n]
  b: Tensor, // [n]
  cost: (difference: Tensor) => Tensor,
): Tensor {
  const [n = 1] = a.shape;
  const column = (x: Tensor): Tensor => g.reshape(x, [n, 1]);
  const row = (x: Tensor): Tensor => g.reshape(x, [1, n]);
  const count = (op: 'Less' | 'Equal', x: Tensor, y: Tensor, axis: number): Tensor =>
    g.reduceSum(g.cast(g.op(op, [x, y], {}), 'float32'), [axis]);

  // The places from `first` on, as many as there are equal values; a's along the rows, b's along the columns.
  const firstA = count('Less', row(a), column(a), 1);
  const equalA = count('Equal', row(a), column(a), 1); // [n, 1]
  const firstB = count('Less', column(b), row(b), 0);
  const equalB = count('Equal', column(b), row(b), 0); // [1, n]
  const start = larger(g, firstA, firstB);
  const end = g.neg(larger(g, g.neg(g.add(firstA, equalA)), g.neg(g.add(firstB, equalB))));
  const shared = larger(g, g.sub(end, start), g.scalar(0));
  // Places are constant between ties: no gradient flows through them.
  const share = g.withGradient(g.div(shared, g.mul(equalA, equalB)), [], () => []); // [n, n]
  return g.reduceSum(g.mul(share, cost(g.sub(column(a), row(b)))), [1], false);
}

function larger(g: GraphBuilder, x: Tensor, y: Tensor): Tensor {
  return g.where(g.op('Less', [x, y], {}), y, x);
}
