// Finds what rows of tokens begin with in common: a compressed prefix tree, as segments in depth-first order.

export type Segment = {
  tokens: Int32Array;
  /** Number of the segment before it, -1 at the beginning of a row. */
  parent: number;
  /** Rows that end with this segment. */
  rowEnds: number[];
};

type Node = { from: number; to: number; row: number; rows: number[]; ends: number[]; children: Node[] };

/**
 * The segments whose concatenation along the path to a row's end is the row. A beginning becomes a segment of its own
 * when computing it once saves at least `leastSaved` tokens; otherwise each row keeps its own.
 */
export function prefixTree(rows: readonly Int32Array[], leastSaved: number): Segment[] {
  const segments: Segment[] = [];
  const write = (node: Node, parent: number, before: number): void => {
    const from = node.from - before;
    if ((node.to - from) * (node.rows.length - 1) < leastSaved && node.rows.length > 1) {
      for (const row of node.ends) write({ ...node, row, rows: [row], ends: [row], children: [] }, parent, before);
      for (const child of node.children) write(child, parent, before + node.to - node.from);
      return;
    }
    const number = segments.length;
    segments.push({ tokens: rowOf(rows, node.row).subarray(from, node.to), parent, rowEnds: node.ends });
    for (const child of node.children) write(child, number, 0);
  };
  for (const node of group(rows, [...rows.keys()], 0)) write(node, -1, 0);
  return segments;
}

/** Trees of rows that are alike before `depth`, in the order of their first rows. */
function group(rows: readonly Int32Array[], members: readonly number[], depth: number): Node[] {
  const byToken = Map.groupBy(members, (row) => rowOf(rows, row)[depth]);
  return [...byToken].flatMap(([token, alike]) => {
    const [row = 0, ...others] = alike;
    if (token === undefined) return []; // these ended at `depth`, which their parent says
    const first = rowOf(rows, row);
    let to = first.length;
    for (const other of others) {
      const tokens = rowOf(rows, other);
      let i = depth;
      while (i < to && i < tokens.length && tokens[i] === first[i]) i++;
      to = i;
    }
    const ends = alike.filter((member) => rowOf(rows, member).length === to);
    return [{ from: depth, to, row, rows: alike, ends, children: group(rows, alike, to) }];
  });
}

function rowOf(rows: readonly Int32Array[], index: number): Int32Array {
  const row = rows[index];
  if (!row) throw new RangeError(`row ${index} of ${rows.length}`);
  return row;
}
