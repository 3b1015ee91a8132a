// Finds what the rows of a micro-batch begin with in common, so that it is computed once. How the segments lie in a
// batch, and which tokens see each other, is left to the batch layout.

/** A stretch of tokens that continues another one. */
export type Segment = {
  tokens: Int32Array;
  /** Index of the segment that stands before it, or -1. */
  parent: number;
  /** Rows that end with this segment's last token. */
  rowEnds: number[];
};

/**
 * The rows as segments in depth-first order: a parent comes before its children, and nothing but its descendants comes
 * between. The segments on the way to a row's end spell the row. A common beginning becomes a segment of its own where
 * that saves at least `leastSaved` tokens, since every segment has a cost too; else it is repeated in each row.
 */
export function prefixTree(rows: Int32Array[], leastSaved: number): Segment[] {
  const segments: Segment[] = [];

  /** `members` are rows that agree before `agreed`; their tokens from `from` on still need segments. */
  const grow = (members: number[], from: number, agreed: number, parent: number): void => {
    const [first, ...others] = members;
    const row = first === undefined ? undefined : rows[first];
    if (first === undefined || !row) return;
    if (others.length === 0) {
      segments.push({ tokens: row.subarray(from), parent, rowEnds: [first] });
      return;
    }
    const end = agreement(rows, first, others, agreed);
    const ending = members.filter((member) => rows[member]?.length === end);
    const shared = end > from && (end - from) * others.length >= leastSaved;
    if (shared) segments.push({ tokens: row.subarray(from, end), parent, rowEnds: ending });
    else {
      for (const member of ending) segments.push({ tokens: row.subarray(from, end), parent, rowEnds: [member] });
    }
    const [start, above] = shared ? [end, segments.length - 1] : [from, parent];
    const branches = Map.groupBy(
      members.filter((member) => !ending.includes(member)),
      (member) => rows[member]?.[end],
    );
    for (const branch of branches.values()) grow(branch, start, end, above);
  };

  grow(
    rows.map((_, i) => i),
    0,
    0,
    -1,
  );
  return segments;
}

/** How far all rows agree, knowing that they do before `agreed`. */
function agreement(rows: Int32Array[], first: number, others: number[], agreed: number): number {
  const row = rows[first] ?? new Int32Array();
  let end = row.length;
  for (const other of others) {
    const tokens = rows[other] ?? new Int32Array();
    let at = agreed;
    while (at < end && at < tokens.length && tokens[at] === row[at]) at++;
    end = at;
  }
  return end;
}
