// Attention with grouped key/value heads (Ainslie et al. 2023, arXiv:2305.13245). Who sees whom comes with the batch
// as one number a token, so causal rows, packed rows and shared prefixes are the same graph.
import type { GraphBuilder } from '../graph/builder.ts';
import { type Dim, multiplyDims } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';

export type Heads = { heads: number; kvHeads: number; headDim: number };

/**
 * Added to the scores: 0 where query i sees key j, that is j <= i < visibleUntil[j], else a number whose exponential
 * is 0. queryIndex [queries] and keyIndex [keys] count the tokens of a row, visibleUntil [batch, keys]; all int32.
 * Returns [batch, 1, 1, queries, keys].
 */
export function visibilityBias(g: GraphBuilder, queryIndex: Tensor, keyIndex: Tensor, visibleUntil: Tensor): Tensor {
  const [batch = 1, keys = 1] = visibleUntil.shape;
  const [queries = 1] = queryIndex.shape;
  const i = g.reshape(queryIndex, [queries, 1]);
  const j = g.reshape(keyIndex, [1, keys]);
  const notLater = g.op('LessOrEqual', [j, i], {});
  const stillVisible = g.op('Less', [i, g.reshape(visibleUntil, [batch, 1, 1, 1, keys])], {});
  const sees = g.op('And', [stillVisible, notLater], {});
  return g.where(sees, g.scalar(0), g.scalar(-1e30));
}

/**
 * softmax(q k' / sqrt(headDim) + bias) v. q [batch, queries, heads * headDim]; k and v [batch, kvHeads, keys,
 * headDim]. Query heads of a group stand beside each other along the query axis, so keys are never repeated.
 * Returns [batch * queries, heads * headDim].
 */
export function attention(g: GraphBuilder, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, shape: Heads): Tensor {
  const { heads, kvHeads, headDim } = shape;
  const [batch = 1, queries = 1] = q.shape;
  const keys = k.shape[2] ?? 1;
  const group = heads / kvHeads;
  const rows: Dim = multiplyDims(group, queries);

  const scaled = g.scale(q, 1 / Math.sqrt(headDim));
  const split = g.reshape(scaled, [batch, queries, kvHeads, group, headDim]);
  const grouped = g.reshape(g.transpose(split, [0, 2, 3, 1, 4]), [batch, kvHeads, rows, headDim]);
  const scores = g.matMul(grouped, g.transpose(k, [0, 1, 3, 2])); // [batch, kvHeads, group * queries, keys]
  const biased = g.add(g.reshape(scores, [batch, kvHeads, group, queries, keys]), bias);
  const weights = g.reshape(g.softmax(biased), [batch, kvHeads, rows, keys]);
  const mixed = g.reshape(g.matMul(weights, v), [batch, kvHeads, group, queries, headDim]);
  return g.reshape(g.transpose(mixed, [0, 3, 1, 2, 4]), [multiplyDims(batch, queries), heads * headDim]);
}

/** [batch, seq, kvHeads * headDim] -> [batch, kvHeads, seq, headDim] */
export function splitHeads(g: GraphBuilder, x: Tensor, heads: number, headDim: number): Tensor {
  const [batch = 1, seq = 1] = x.shape;
  return g.transpose(g.reshape(x, [batch, seq, heads, headDim]), [0, 2, 1, 3]);
}
