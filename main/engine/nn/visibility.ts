// Who sees whom: one number a token says until where it is seen, so causal rows, packed rows and shared prefixes are
// the same graph. A sliding window counts positions, which restart with each sequence and branch of a row. Queries may
// be cut into blocks, of which none looks at keys behind its end.
import type { GraphBuilder } from '../graph/builder.ts';
import { type Dim, multiplyDims, type Shape } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';

/** The queries `start` to `end` of a row look at its keys 0 to `keys`. */
export type QueryBlock = {
  start: Dim;
  end: Dim;
  keys: Dim;
  /** Added to the scores: 0 where seen, else a number whose exponential is 0. [batch, 1, 1, end - start, keys] */
  bias: Tensor;
};

/** The blocks of a layer: with a window, a token sees itself and the `window` - 1 tokens of its sequence before it. */
export type Visibility = (window?: number) => readonly QueryBlock[];

/** Positions count the tokens of a sequence: int32 or float32, [tokens] or [batch, tokens]. */
type Rows = {
  /** int32 or float32, [queries] and [keys]: they count the tokens of a row. */
  queryIndex: Tensor;
  keyIndex: Tensor;
  queryPositions: Tensor;
  keyPositions: Tensor;
  /** [batch, keys], of the same type. */
  visibleUntil: Tensor;
};

/** One block for all queries. Query i sees key j where j <= i < visibleUntil[j]. */
export function wholeVisibility(g: GraphBuilder, rows: Rows): Visibility {
  const [queries = 1] = rows.queryIndex.shape;
  const [keys = 1] = rows.keyIndex.shape;
  return visibilityOf(g, [{ start: 0, end: queries, keys, rows: () => rows }]);
}

/**
 * The same for rows that are cut into blocks of equal length. tokenIndex [blocks, length] counts the tokens of a row
 * on and on, visibleUntil is [batch, blocks * length], both int32; positions the same in float32.
 */
export function blockVisibility(
  g: GraphBuilder,
  { tokenIndex, visibleUntil, positions }: Record<'tokenIndex' | 'visibleUntil' | 'positions', Tensor>,
): Visibility {
  const [blocks = 1, length = 1] = tokenIndex.shape;
  // In float32, exact for rows of up to 2^24 tokens: WebGPU slices no integers.
  const index = g.reshape(g.cast(tokenIndex, 'float32'), [multiplyDims(blocks, length)]);
  const until = g.cast(visibleUntil, 'float32');
  return visibilityOf(
    g,
    Array.from({ length: Number(blocks) }, (_, i) => {
      const [start, end] = [multiplyDims(i, length), multiplyDims(i + 1, length)];
      const upTo = (x: Tensor, axis: number): Tensor => (i + 1 === blocks ? x : g.slice(x, axis, 0, end));
      const own = (x: Tensor, axis: number): Tensor => (blocks === 1 ? x : g.slice(x, axis, start, end));
      const rows = (): Rows => ({
        queryIndex: own(index, 0),
        keyIndex: upTo(index, 0),
        queryPositions: own(positions, 1),
        keyPositions: upTo(positions, 1),
        visibleUntil: upTo(until, 1),
      });
      return { start, end, keys: end, rows };
    }),
  );
}

type Block = Omit<QueryBlock, 'bias'> & { rows: () => Rows };

/** Layers with the same window share their blocks. */
function visibilityOf(g: GraphBuilder, blocks: readonly Block[]): Visibility {
  const made = new Map<number | undefined, readonly QueryBlock[]>();
  return (window) => {
    const known = made.get(window);
    if (known) return known;
    const fresh = blocks.map(({ rows, ...block }) => ({ ...block, bias: bias(g, rows(), window) }));
    made.set(window, fresh);
    return fresh;
  };
}

function bias(g: GraphBuilder, rows: Rows, window: number | undefined): Tensor {
  const [batch = 1, keys = 1] = rows.visibleUntil.shape;
  const [queries = 1] = rows.queryIndex.shape;
  const i = g.reshape(rows.queryIndex, [queries, 1]);
  const j = g.reshape(rows.keyIndex, [1, keys]);
  const notLater = g.op('LessOrEqual', [j, i], {});
  const stillVisible = g.op('Less', [i, g.reshape(rows.visibleUntil, [batch, 1, 1, 1, keys])], {});
  const sees = g.op('And', [stillVisible, notLater], {});
  const near = window === undefined ? sees : g.op('And', [sees, withinWindow(g, rows, window)], {});
  return g.where(near, g.scalar(0), g.scalar(-1e30));
}

/** Whether fewer than `window` positions lie between: bool [batch or 1, 1, 1, queries, keys]. */
function withinWindow(g: GraphBuilder, { queryPositions, keyPositions }: Rows, window: number): Tensor {
  const apart = (x: Tensor, last: (tokens: Dim) => Shape): Tensor => {
    const [tokens = 1, batch = 1] = [...x.shape].reverse();
    return g.reshape(g.cast(x, 'float32'), [batch, 1, 1, ...last(tokens)]);
  };
  const distance = g.sub(
    apart(queryPositions, (queries) => [queries, 1]),
    apart(keyPositions, (keys) => [1, keys]),
  );
  return g.op('Less', [distance, g.scalar(window)], {});
}
