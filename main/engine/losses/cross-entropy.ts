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
 *     e = exp(h E' - max), Z = sum e, loss_r = max_r + log Z_r - h_r . E[label_r]
 *     dloss_r / dh_r = e_r E / Z_r - E[label_r]
 *
 * With a frozen head and `differentiable`, dloss / dh is computed right behind the loss, so that e can go at once.
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
  const max = g.reduceMax(logits, [-1]); // [rows, 1]
  const guess = g.cast(g.op('ArgMax', [logits], {}), 'int32');
  const hit = g.op('And', [g.op('Equal', [guess, labels], {}), g.op('Less', [g.scalar(0), labelWeights], {})], {});
  const correct = g.reduceSum(g.cast(hit, 'float32'), [0], false);
  // Waits for the count of hits, so that the logits can go when e is there.
  const e = g.exp(g.sub(logits, g.add(max, g.mul(correct, zero))));
  const sum = g.reduceSum(e, [-1]);
  const labelRows = weights.rows(head, labels);
  const labelLogit = g.reduceSum(g.mul(h, labelRows), [-1]);
  const perRow = g.sub(g.add(max, g.log(sum)), labelLogit);
  const value = g.reduceSum(g.mul(perRow, weight), [0, 1], false);

  // It says when, not what: no gradient flows through it.
  const finished = (last: Tensor): Tensor => g.withGradient(g.mul(last, zero), [], () => []);
  if (!differentiable) return { loss: value, correct, done: finished(g.reshape(value, [1, 1])) };

  const slope = g.sub(g.mul(g.gemm(e, weights.get(head)), g.div(weight, sum)), g.mul(labelRows, weight));
  const headParameter = weights.get(head);
  const trainsHead = headParameter.source.kind === 'parameter';
  const loss = g.withGradient(value, trainsHead ? [h, headParameter] : [h], (dy) => {
    const dh = g.mul(slope, dy);
    return trainsHead ? [dh, headGradient(g, headParameter, { h, e, sum, share: g.mul(weight, dy), labels })] : [dh];
  });
  return { loss, correct, done: finished(g.slice(g.slice(slope, 0, 0, 1), 1, 0, 1)) };
}

/** dE = (e share / Z)' h, minus share_r h_r in the row of each label. */
function headGradient(
  g: GraphBuilder,
  head: Tensor,
  { h, e, sum, share, labels }: Record<'h' | 'e' | 'sum' | 'share' | 'labels', Tensor>,
): Tensor {
  const pulled = g.gemm(e, g.mul(h, g.div(share, sum)), { transA: true });
  return g.sub(pulled, g.scatterRows(head.shape, labels, g.mul(h, share)));
}
