// Attention with grouped key/value heads (Ainslie et al. 2023, arXiv:2305.13245), block by block of queries, with a
// backward pass of its own that needs two passes over the scores instead of four (Dao et al. 2022, arXiv:2205.14135).
import type { GraphBuilder } from '../graph/builder.ts';
import { addDims, type Dim, multiplyDims, sameDim } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { QueryBlock } from './visibility.ts';

export type Heads = { heads: number; kvHeads: number; headDim: number };
export type AttentionSettings = Heads & {
  /** What scores are multiplied by; 1 / sqrt(headDim) where absent. */
  scale?: number | undefined;
  /** Scores s become c tanh(s / c) (Gemma Team 2024, arXiv:2408.00118). */
  softcap?: number | undefined;
};

/** What the backward pass needs of a block, in heads: q and o [batch, kvHeads, group, size, headDim]. */
type BlockValues = { block: QueryBlock; q: Tensor; capped: Tensor | undefined; weights: Tensor; o: Tensor };

/**
 * softmax(scale q k' + bias) v. q [batch, queries, heads * headDim]; k and v [batch, kvHeads, keys,
 * headDim]. Query heads of a group share their keys, which are never repeated. Returns [batch * queries, heads *
 * headDim].
 *
 * With P the weights and O the result: dP = dO V', dS = P (dP - rowsum(dO O)), dQ = dS K, dK = dS' Q, dV = P' dO.
 * Where scores are capped, S = c T with T = tanh(U), and dU = c dS (1 - T^2) takes the place of dS behind it.
 */
export function attention(
  g: GraphBuilder,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  blocks: readonly QueryBlock[],
  heads: AttentionSettings,
): Tensor {
  const [batch = 1, queries = 1] = q.shape;
  const { softcap } = heads;
  const scale = (heads.scale ?? 1 / Math.sqrt(heads.headDim)) / (softcap ?? 1);
  const keysTransposed = g.transpose(k, [0, 1, 3, 2]);
  const rows = multiplyDims(batch, queries);
  const width = heads.heads * heads.headDim;
  const done = blocks.map((block): BlockValues => {
    const blockQ = toHeads(g, g.scale(part(g, q, 1, block.start, block.end), scale), heads);
    const products = g.matMul(blockQ, perGroup(g, part(g, keysTransposed, 3, 0, block.keys)));
    const capped = softcap === undefined ? undefined : g.tanh(products);
    const scores = capped ? g.scale(capped, softcap ?? 1) : products;
    const weights = g.softmax(g.add(scores, block.bias)); // [batch, kvHeads, group, size, keys]
    return { block, q: blockQ, capped, weights, o: g.matMul(weights, perGroup(g, part(g, v, 2, 0, block.keys))) };
  });
  const result = g.reshape(
    g.concat(
      done.map(({ o }) => fromHeads(g, o, heads)),
      1,
    ),
    [rows, width],
  );
  return g.withGradient(result, [q, k, v], (dy) => {
    const valuesTransposed = g.transpose(v, [0, 1, 3, 2]);
    const byRow = g.reshape(dy, [batch, queries, width]);
    const found = done.map(({ block, q, capped, weights, o }) => {
      const dO = toHeads(g, part(g, byRow, 1, block.start, block.end), heads);
      const dP = g.matMul(dO, perGroup(g, part(g, valuesTransposed, 3, 0, block.keys)));
      const dScores = g.mul(weights, g.sub(dP, g.reduceSum(g.mul(dO, o), [-1])));
      const dS = capped ? g.mul(g.scale(dScores, softcap ?? 1), tanhSlope(g, capped)) : dScores;
      const dQ = g.matMul(dS, perGroup(g, part(g, k, 2, 0, block.keys)));
      return {
        dQ: g.scale(fromHeads(g, dQ, heads), scale),
        dK: sumOverQueries(g, dS, q),
        dV: sumOverQueries(g, weights, dO),
      };
    });
    const together = (which: 'dK' | 'dV'): Tensor =>
      found.map((one) => one[which]).reduce((a, b) => addLonger(g, a, b));
    return [
      g.concat(
        found.map(({ dQ }) => dQ),
        1,
      ),
      together('dK'),
      together('dV'),
    ];
  });
}

/** Derivative of tanh where it has the value t. */
function tanhSlope(g: GraphBuilder, t: Tensor): Tensor {
  return g.sub(g.scalar(1), g.mul(t, t));
}

/** [batch, size, heads * headDim] -> [batch, kvHeads, group, size, headDim] */
function toHeads(g: GraphBuilder, x: Tensor, { heads, kvHeads, headDim }: Heads): Tensor {
  const [batch = 1, size = 1] = x.shape;
  return g.transpose(g.reshape(x, [batch, size, kvHeads, heads / kvHeads, headDim]), [0, 2, 3, 1, 4]);
}

/** [batch, kvHeads, group, size, headDim] -> [batch, size, heads * headDim] */
function fromHeads(g: GraphBuilder, x: Tensor, { heads, headDim }: Heads): Tensor {
  const [batch = 1, , , size = 1] = x.shape;
  return g.reshape(g.transpose(x, [0, 3, 1, 2, 4]), [batch, size, heads * headDim]);
}

/** [batch, kvHeads, a, b] -> [batch, kvHeads, 1, a, b], which meets every query head of the group. */
function perGroup(g: GraphBuilder, x: Tensor): Tensor {
  const [batch = 1, kvHeads = 1, a = 1, b = 1] = x.shape;
  return g.reshape(x, [batch, kvHeads, 1, a, b]);
}

/** weights' x, summed over the queries of all heads of a group: [batch, kvHeads, keys, headDim]. */
function sumOverQueries(g: GraphBuilder, weights: Tensor, x: Tensor): Tensor {
  const merged = (y: Tensor): Tensor => {
    const [batch = 1, kvHeads = 1, group = 1, size = 1, last = 1] = y.shape;
    return g.reshape(y, [batch, kvHeads, multiplyDims(group, size), last]);
  };
  return g.matMul(g.transpose(merged(weights), [0, 1, 3, 2]), merged(x));
}

/** a + b, where b has more keys (axis 2). */
function addLonger(g: GraphBuilder, a: Tensor, b: Tensor): Tensor {
  const [from = 0, to = 0] = [a.shape[2], b.shape[2]];
  const rest = b.shape.map((dim, axis) => (axis === 2 ? addDims(to, multiplyDims(-1, from)) : dim));
  return g.add(b, g.concat([a, g.expand(g.scalar(0), rest)], 2));
}

/** x from `start` to `end` along an axis; x itself where that is all of it. */
function part(g: GraphBuilder, x: Tensor, axis: number, start: Dim, end: Dim): Tensor {
  return start === 0 && sameDim(end, x.shape[axis] ?? 0) ? x : g.slice(x, axis, start, end);
}

/** [batch, seq, kvHeads * headDim] -> [batch, kvHeads, seq, headDim] */
export function splitHeads(g: GraphBuilder, x: Tensor, heads: number, headDim: number): Tensor {
  const [batch = 1, seq = 1] = x.shape;
  return g.transpose(g.reshape(x, [batch, seq, heads, headDim]), [0, 2, 1, 3]);
}
