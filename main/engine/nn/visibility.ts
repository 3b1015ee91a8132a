// Who sees whom: one number a token says until where it is seen, so causal rows, packed rows and shared prefixes are
// the same graph. Queries may be cut into blocks, of which none looks at keys behind its end.
import type { GraphBuilder } from '../graph/builder.ts';
import { type Dim, multiplyDims } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';

/** The queries `start` to `end` of a row look at its keys 0 to `keys`. */
export type QueryBlock = {
  start: Dim;
  end: Dim;
  keys: Dim;
  /** Added to the scores: 0 where seen, else a number whose exponential is 0. [batch, 1, 1, end - start, keys] */
  bias: Tensor;
};

/**
 * One block for all queries. Query i sees key j where j <= i < visibleUntil[j]. queryIndex [queries] and keyIndex
 * [keys] count the tokens of a row, visibleUntil [batch, keys]; all int32.
 */
export function wholeVisibility(
  g: GraphBuilder,
  queryIndex: Tensor,
  keyIndex: Tensor,
  visibleUntil: Tensor,
): QueryBlock[] {
  const [queries = 1] = queryIndex.shape;
  const [keys = 1] = keyIndex.shape;
  return [{ start: 0, end: queries, keys, bias: bias(g, queryIndex, keyIndex, visibleUntil) }];
}

/**
 * The same for rows that are cut into blocks of equal length. tokenIndex [blocks, length] counts the tokens of a row
 * on and on, visibleUntil [batch, blocks * length].
 */
export function blockVisibility(g: GraphBuilder, tokenIndex: Tensor, visibleUntil: Tensor): QueryBlock[] {
  const [blocks = 1, length = 1] = tokenIndex.shape;
  const index = g.reshape(tokenIndex, [multiplyDims(blocks, length)]);
  return Array.from({ length: Number(blocks) }, (_, i) => {
    const [start, end] = [multiplyDims(i, length), multiplyDims(i + 1, length)];
    const upTo = (x: Tensor, axis: number): Tensor => (i + 1 === blocks ? x : g.slice(x, axis, 0, end));
    const queryIndex = blocks === 1 ? index : g.slice(index, 0, start, end);
    return { start, end, keys: end, bias: bias(g, queryIndex, upTo(index, 0), upTo(visibleUntil, 1)) };
  });
}

function bias(g: GraphBuilder, queryIndex: Tensor, keyIndex: Tensor, visibleUntil: Tensor): Tensor {
  const [batch = 1, keys = 1] = visibleUntil.shape;
  const [queries = 1] = queryIndex.shape;
  const i = g.reshape(queryIndex, [queries, 1]);
  const j = g.reshape(keyIndex, [1, keys]);
  const notLater = g.op('LessOrEqual', [j, i], {});
  const stillVisible = g.op('Less', [i, g.reshape(visibleUntil, [batch, 1, 1, 1, keys])], {});
  const sees = g.op('And', [stillVisible, notLater], {});
  return g.where(sees, g.scalar(0), g.scalar(-1e30));
}
