// What a model says about each label: its negative log-likelihood and the numbers that runs report. The projection to
// the vocabulary is inside, so that the backward pass needs neither one-hot rows nor a second copy of the logits.
// Making a loss of it is left to the objectives.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Head, headLogits } from '../nn/head.ts';
import type { Weights } from '../nn/weights.ts';

/** float32 [labels, 1], but `done`. Only `nll` has a gradient. */
export type LabelScores = {
  /** -log softmax(logits_r)[label_r] */
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

export type LabelScoreOptions = {
  differentiable: boolean;
  meanLogits: boolean;
  collisionEntropy: boolean;
  /** Probabilities are multiplied with this power of two before a product, and its result divided by it. */
  probabilityScale?: number;
};

/**
 * For rows h and the head E [vocab, hidden]:
 *
 *     p = softmax(h E'), nll_r = max(h_r E') - log max(p_r) - h_r . E[label_r]
 *     dnll_r / dh_r = p_r E - E[label_r],  entropy_r = nll_r + h_r . (E[label_r] - p_r E)
 *
 * because the largest probability is 1 / sum(exp(logits - max)). It is never 0, so no loss overflows. Logits that are
 * capped, c t with t = tanh(h E' / c), weigh both terms of the gradient by the slope 1 - t^2. When `differentiable`, dnll / dh is computed right behind nll, so that with a frozen head p can go at once.
 */
export function labelScores(
  g: GraphBuilder,
  weights: Weights,
  head: Head,
  { rows: h, labels, zero }: LabelInputs,
  wanted: LabelScoreOptions,
): LabelScores {
  const [count = 1] = h.shape;
  const { logits, tanh } = headLogits(g, weights, head, h); // [labels, vocab]
  const p = g.softmax(logits);
  const largest = g.reduceMax(logits, [-1]);
  const logSum = g.sub(largest, g.log(g.reduceMax(p, [-1])));
  const labelLogit = g.op('GatherElements', [logits, g.reshape(labels, [count, 1])], { axis: 1 });
  const nll = g.sub(logSum, labelLogit);
  const hit = g.cast(g.op('GreaterOrEqual', [labelLogit, largest], {}), 'float32');
  const meanLogit = wanted.meanLogits ? g.reduceMean(logits, [-1]) : undefined;
  const collisionEntropy = wanted.collisionEntropy ? g.neg(g.log(g.reduceSum(g.mul(p, p), [-1]))) : undefined;
  const slope = (t: Tensor): Tensor => g.sub(g.scalar(1), g.mul(t, t));
  const pushed = tanh ? g.mul(p, slope(tanh)) : p;
  const { probabilityScale = 1 } = wanted;
  const backThroughHead = (): Tensor =>
    weights.back(head.weight, g.scale(pushed, probabilityScale), { alpha: 1 / probabilityScale });
  const expected = wanted.differentiable ? backThroughHead() : undefined; // p E, [labels, hidden]
  const expectedLogit = g.reduceSum(expected && !tanh ? g.mul(h, expected) : g.mul(p, logits), [-1]);
  const entropy = g.sub(logSum, expectedLogit);

  // What waits for this 0 runs when logits and p are used up. It says when, not what: no gradient flows through it.
  const all = [nll, hit, entropy, meanLogit, collisionEntropy]
    .filter((score) => score !== undefined)
    .reduce((a, b) => g.add(a, b));
  const used = g.withGradient(g.mul(all, zero), [], () => []);
  const scores = { hit, entropy, meanLogit, collisionEntropy };
  if (!expected) return { ...scores, nll, done: corner(g, used) };

  const labelSlope = tanh ? slope(g.scale(labelLogit, 1 / (head.softcap ?? 1))) : undefined;
  const labelRows = weights.rows(head.weight, labels);
  const pull = g.add(g.sub(expected, labelSlope ? g.mul(labelRows, labelSlope) : labelRows), used);
  const headParameter = weights.get(head.weight);
  const trainsHead = headParameter.source.kind === 'parameter';
  const trained = g.withGradient(nll, trainsHead ? [h, headParameter] : [h], (dy) => {
    const dh = g.mul(pull, dy);
    return trainsHead ? [dh, headGradient(g, headParameter, { h, pushed, labelSlope, share: dy, labels })] : [dh];
  });
  const done = g.withGradient(g.mul(corner(g, pull), zero), [], () => []);
  return { ...scores, nll: trained, done };
}

function corner(g: GraphBuilder, x: Tensor): Tensor {
  return g.slice(g.slice(x, 0, 0, 1), 1, 0, 1);
}

/** dE = p' (share h), minus share_r h_r in the row of each label; with capped logits both times their slopes. */
function headGradient(
  g: GraphBuilder,
  head: Tensor,
  {
    h,
    pushed,
    labelSlope,
    share,
    labels,
  }: Record<'h' | 'pushed' | 'share' | 'labels', Tensor> & { labelSlope: Tensor | undefined },
): Tensor {
  const shared = g.mul(h, share);
  const atLabels = labelSlope ? g.mul(shared, labelSlope) : shared;
  return g.sub(g.gemm(pushed, shared, { transA: true }), g.scatterRows(head.shape, labels, atLabels));
}
