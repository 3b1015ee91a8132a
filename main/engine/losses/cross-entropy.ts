// Next-token cross-entropy from hidden states, with the projection to the vocabulary inside, so that its backward
// pass needs neither one-hot rows nor a second copy of the logits.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Weights } from '../nn/weights.ts';

export type CrossEntropy = {
  /** sum_r weight_r * -log softmax(h_r E')[label_r], shape []. */
  loss: Tensor;
  /** Rows of positive weight whose largest logit is the label's, float32 of shape []. */
  correct: Tensor;
  /** float32 [1, 1], 0: exists once nothing of the size of the logits is needed any more. */
  done: Tensor;
};

export type CrossEntropyInputs = {
  /** Hidden states h [rows, hidden]. */
  rows: Tensor;
  /** int32 [rows] */
  labels: Tensor;
  /** float32 [rows]; they carry the normalisation (1 / labels of the step), so losses of micro-batches add up. */
  labelWeights: Tensor;
  /** float32 scalar that the host feeds as 0. */
  zero: Tensor;
};

/**
 * For rows h and the head E [vocab, hidden]:
 *
 *     p = softmax(h E'), loss_r = max(h_r E') - log max(p_r) - h_r . E[label_r]
 *     dloss_r / dh_r = p_r E - E[label_r]
 *
 * because the largest probability is 1 / sum(exp(logits - max)). It is never 0, so no loss overflows.
 * With a frozen head and `differentiable`, dloss / dh is computed right behind the loss, so that p can go at once.
 */
export function crossEntropy(
  g: GraphBuilder,
  weights: Weights,
  head: string,
  { rows: h, labels, labelWeights, zero }: CrossEntropyInputs,
  differentiable: boolean,
): CrossEntropy {
  const [rows = 1] = h.shape;
  const weight = g.reshape(labelWeights, [rows, 1]);
  const logits = g.gemm(h, weights.get(head), { transB: true }); // [rows, vocab]
  const p = g.softmax(logits);
  const logSum = g.sub(g.reduceMax(logits, [-1]), g.log(g.reduceMax(p, [-1]))); // [rows, 1]
  const labelRows = weights.rows(head, labels);
  const labelLogit = g.reduceSum(g.mul(h, labelRows), [-1]);
  const value = g.reduceSum(g.mul(g.sub(logSum, labelLogit), weight), [0, 1], false);

  const guess = g.cast(g.op('ArgMax', [p], {}), 'int32');
  const hit = g.op('And', [g.op('Equal', [guess, labels], {}), g.op('Less', [g.scalar(0), labelWeights], {})], {});
  const correct = g.reduceSum(g.cast(hit, 'float32'), [0], false);

  // What waits for this 0 runs when logits and p are used up. It says when, not what: no gradient flows through it.
  const used = g.withGradient(g.mul(g.add(value, correct), zero), [], () => []);
  if (!differentiable) return { loss: value, correct, done: g.reshape(used, [1, 1]) };

  const pull = g.sub(g.gemm(p, weights.get(head)), labelRows);
  const slope = g.add(g.mul(pull, weight), used);
  const headParameter = weights.get(head);
  const trainsHead = headParameter.source.kind === 'parameter';
  const loss = g.withGradient(value, trainsHead ? [h, headParameter] : [h], (dy) => {
    const dh = g.mul(slope, dy);
    return trainsHead ? [dh, headGradient(g, headParameter, { h, p, share: g.mul(weight, dy), labels })] : [dh];
  });
  const corner = g.slice(g.slice(slope, 0, 0, 1), 1, 0, 1);
  return { loss, correct, done: g.withGradient(g.mul(corner, zero), [], () => []) };
}

/** dE = p' (share h), minus share_r h_r in the row of each label. */
function headGradient(
  g: GraphBuilder,
  head: Tensor,
  { h, p, share, labels }: Record<'h' | 'p' | 'share' | 'labels', Tensor>,
): Tensor {
  const shared = g.mul(h, share);
  return g.sub(g.gemm(p, shared, { transA: true }), g.scatterRows(head.shape, labels, shared));
}
