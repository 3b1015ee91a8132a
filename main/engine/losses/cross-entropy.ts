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
};

/**
 * For rows h [rows, hidden], the head E [vocab, hidden], labels int32 [rows] and weights [rows]:
 *
 *     e = exp(h E' - max), Z = sum e, loss_r = max_r + log Z_r - h_r . E[label_r]
 *     dloss_r / dh_r = e_r E / Z_r - E[label_r]
 *
 * The weights carry the normalisation (1 / labels of the optimizer step), so losses of micro-batches add up.
 */
export function crossEntropy(
  g: GraphBuilder,
  weights: Weights,
  head: string,
  { rows: h, labels, labelWeights }: { rows: Tensor; labels: Tensor; labelWeights: Tensor },
): CrossEntropy {
  const [rows = 1] = h.shape;
  const weight = g.reshape(labelWeights, [rows, 1]);
  const logits = g.gemm(h, weights.get(head), { transB: true }); // [rows, vocab]
  const max = g.reduceMax(logits, [-1]); // [rows, 1]
  const e = g.exp(g.sub(logits, max));
  const sum = g.reduceSum(e, [-1]);
  const labelLogit = g.reduceSum(g.mul(h, weights.rows(head, labels)), [-1]);
  const perRow = g.sub(g.add(max, g.log(sum)), labelLogit);
  const value = g.reduceSum(g.mul(perRow, weight), [0, 1], false);

  const headParameter = weights.get(head);
  const trainsHead = headParameter.source.kind === 'parameter';
  const loss = g.withGradient(value, trainsHead ? [h, headParameter] : [h], (dy) => {
    const share = g.mul(weight, dy); // [rows, 1]
    const labelRows = weights.rows(head, labels);
    const dh = g.sub(g.mul(g.gemm(e, weights.get(head)), g.div(share, sum)), g.mul(labelRows, share));
    return trainsHead ? [dh, headGradient(g, headParameter, { h, e, sum, share, labels })] : [dh];
  });
  const guess = g.cast(g.op('ArgMax', [logits], {}), 'int32');
  const hit = g.op('And', [g.op('Equal', [guess, labels], {}), g.op('Less', [g.scalar(0), labelWeights], {})], {});
  const correct = g.reduceSum(g.cast(hit, 'float32'), [0], false);
  return { loss, correct };
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
