// What a model says about each label: its negative log-likelihood and the numbers that runs report. The projection to
// the vocabulary is inside, so that the backward pass needs neither one-hot rows nor a second copy of the logits.
// Making a loss of it is left to the objectives.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Weights } from '../nn/weights.ts';

/** float32 [labels, 1], but `done`. Only `nll` has a gradient. */
export type LabelScores = {
  /** -log softmax(h_r E')[label_r] */
  nll: Tensor;
  /** 1 where no logit is larger than the label's, else 0. */
  hit: Tensor;
  /** Entropy of the prediction, in nats. */
  entropy: Tensor;
  /** Mean of the logits over the vocabulary. */
  meanLogit: Tensor | undefined;
  /** -log sum_v p_v^2: how sure the model is of what it would say, whatever the label. */
  collisionEntropy: Tensor | undefined;
  /** [1, 1], 0: exists once nothing of the size of the logits is needed any more. */
  done: Tensor;
};

export type LabelInputs = {
  /** Hidden states h [labels, hidden]. */
  rows: Tensor;
  /** int32 [labels] */
  labels: Tensor;
  /** float32 scalar that the host feeds as 0. */
  zero: Tensor;
};

/**
 * For rows h and the head E [vocab, hidden]:
 *
 *     p = softmax(h E'), nll_r = max(h_r E') - log max(p_r) - h_r . E[label_r]
 *     dnll_r / dh_r = p_r E - E[label_r],  entropy_r = nll_r + h_r . (E[label_r] - p_r E)
 *
 * because the largest probability is 1 / sum(exp(logits - max)). It is never 0, so no loss overflows. When
 * `differentiable`, dnll / dh is computed right behind nll, so that with a frozen head p can go at once.
 */
export function labelScores(
  g: GraphBuilder,
  weights: Weights,
  head: string,
  { rows: h, labels, zero }: LabelInputs,
  wanted: { differentiable: boolean; meanLogits: boolean; collisionEntropy: boolean },
): LabelScores {
  const [count = 1] = h.shape;
  const logits = g.gemm(h, weights.get(head), { transB: true }); // [labels, vocab]
  const p = g.softmax(logits);
  const largest = g.reduceMax(logits, [-1]);
  const logSum = g.sub(largest, g.log(g.reduceMax(p, [-1])));
  const labelLogit = g.op('GatherElements', [logits, g.reshape(labels, [count, 1])], { axis: 1 });
  const nll = g.sub(logSum, labelLogit);
  const hit = g.cast(g.op('GreaterOrEqual', [labelLogit, largest], {}), 'float32');
  const meanLogit = wanted.meanLogits ? g.reduceMean(logits, [-1]) : undefined;
  const collisionEntropy = wanted.collisionEntropy ? g.neg(g.log(g.reduceSum(g.mul(p, p), [-1]))) : undefined;
  const expected = wanted.differentiable ? g.gemm(p, weights.get(head)) : undefined; // p E, [labels, hidden]
  const expectedLogit = g.reduceSum(expected ? g.mul(h, expected) : g.mul(p, logits), [-1]);
  const entropy = g.sub(logSum, expectedLogit);

  // What waits for this 0 runs when logits and p are used up. It says when, not what: no gradient flows through it.
  const all = [nll, hit, entropy, meanLogit, collisionEntropy]
    .filter((score) => score !== undefined)
    .reduce((a, b) => g.add(a, b));
  const used = g.withGradient(g.mul(all, zero), [], () => []);
  const scores = { hit, entropy, meanLogit, collisionEntropy };
  if (!expected) return { ...scores, nll, done: corner(g, used) };

  const pull = g.add(g.sub(expected, weights.rows(head, labels)), used);
  const headParameter = weights.get(head);
  const trainsHead = headParameter.source.kind === 'parameter';
  const trained = g.withGradient(nll, trainsHead ? [h, headParameter] : [h], (dy) => {
    const dh = g.mul(pull, dy);
    return trainsHead ? [dh, headGradient(g, headParameter, { h, p, share: dy, labels })] : [dh];
  });
  const done = g.withGradient(g.mul(corner(g, pull), zero), [], () => []);
  return { ...scores, nll: trained, done };
}

function corner(g: GraphBuilder, x: Tensor): Tensor {
  return g.slice(g.slice(x, 0, 0, 1), 1, 0, 1);
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
