// Which rows share a sequence of max_length tokens, as TRL's pack_dataset decides it. Only lengths are looked at; how a
// batch keeps neighbours from seeing each other is left to its layout.

/**
 * bfd: best-fit decreasing (Ding et al., "Fewer Truncations Improve Language Modeling", 2024); what a row has beyond
 * max_length is lost. bfd_split: the same, with longer rows cut into pieces first, so that nothing is lost. wrapped:
 * rows one after the other, cut wherever max_length ends; TRL lets all tokens of such a bin see each other.
 */
export type PackingStrategy = 'bfd' | 'bfd_split' | 'wrapped';

/** Tokens start … start + length - 1 of a row. */
export type PackedPiece = { row: number; start: number; length: number };

/** TRL packs 1000 rows at a time (the batch size of datasets' map); bins never reach over such a stretch. */
export const ROWS_AT_ONCE = 1000;

/**
 * Bins of at most `maxLength` tokens, in TRL's order. `lengths`: tokens of each row, in the order in which rows are to
 * be packed; empty rows are in no bin. `rowsAtOnce`: Infinity looks for the best fit among all rows.
 */
export function packRows(
  lengths: ArrayLike<number>,
  maxLength: number,
  strategy: PackingStrategy,
  rowsAtOnce = ROWS_AT_ONCE,
): PackedPiece[][] {
  const bins: PackedPiece[][] = [];
  const spaces = new FreeSpaces(maxLength);
  for (let from = 0; from < lengths.length; from += rowsAtOnce) {
    const rows: PackedPiece[] = [];
    for (let row = from; row < Math.min(lengths.length, from + rowsAtOnce); row++) {
      const length = lengths[row] ?? 0;
      if (length > 0) rows.push({ row, start: 0, length });
    }
    if (strategy === 'wrapped') wrap(rows, maxLength, bins);
    else bestFitDecreasing(strategy === 'bfd' ? truncate(rows, maxLength) : split(rows, maxLength), spaces, bins);
  }
  return bins;
}

function truncate(rows: PackedPiece[], maxLength: number): PackedPiece[] {
  return rows.map((piece) => (piece.length > maxLength ? { ...piece, length: maxLength } : piece));
}

function split(rows: PackedPiece[], maxLength: number): PackedPiece[] {
  return rows.flatMap(({ row, length }) =>
    Array.from({ length: Math.ceil(length / maxLength) }, (_, i) => {
      const start = i * maxLength;
      return { row, start, length: Math.min(maxLength, length - start) };
    }),
  );
}

/** The longest first, each into the fullest bin that has room; of equals, the one that came first. */
function bestFitDecreasing(pieces: PackedPiece[], spaces: FreeSpaces, bins: PackedPiece[][]): void {
  spaces.clear();
  const order = [...pieces].sort((a, b) => b.length - a.length);
  for (const piece of order) {
    const found = spaces.take(piece.length);
    const bin = found?.bin ?? bins.length;
    const contents = bins[bin];
    if (contents) contents.push(piece);
    else bins.push([piece]);
    spaces.put(bin, (found?.space ?? spaces.largest) - piece.length);
  }
}

function wrap(rows: PackedPiece[], maxLength: number, bins: PackedPiece[][]): void {
  let room = 0;
  for (const { row, length } of rows) {
    for (let start = 0; start < length;) {
      if (room === 0) {
        bins.push([]);
        room = maxLength;
      }
      const taken = Math.min(room, length - start);
      bins.at(-1)?.push({ row, start, length: taken });
      start += taken;
      room -= taken;
    }
  }
}

/** Bins by the tokens they still have room for, first in, first out; finds the smallest room in logarithmic time. */
class FreeSpaces {
  readonly largest: number;
  /** A binary tree over the spaces 1 … largest; a node holds the largest space below it that some bin has, else 0. */
  private readonly tree: Int32Array;
  private readonly leaves: number;
  private readonly queues = new Map<number, { bins: number[]; next: number }>();

  constructor(largest: number) {
    this.largest = largest;
    this.leaves = 1 << Math.ceil(Math.log2(Math.max(1, largest)));
    this.tree = new Int32Array(2 * this.leaves);
  }

  clear(): void {
    this.tree.fill(0);
    this.queues.clear();
  }

  put(bin: number, space: number): void {
    if (space === 0) return;
    const queue = this.queues.get(space);
    if (queue) queue.bins.push(bin);
    else {
      this.queues.set(space, { bins: [bin], next: 0 });
      this.setLeaf(space, space);
    }
  }

  /** Takes out the bin with the least room of at least `wanted`. */
  take(wanted: number): { bin: number; space: number } | undefined {
    if ((this.tree[1] ?? 0) < wanted) return undefined;
    let node = 1;
    while (node < this.leaves) node = (this.tree[2 * node] ?? 0) >= wanted ? 2 * node : 2 * node + 1;
    const space = this.tree[node] ?? 0;
    const queue = this.queues.get(space);
    const bin = queue?.bins[queue.next++];
    if (!queue || bin === undefined) throw new Error(`no bin has room for ${String(space)}`);
    if (queue.next === queue.bins.length) {
      this.queues.delete(space);
      this.setLeaf(space, 0);
    }
    return { bin, space };
  }

  private setLeaf(space: number, value: number): void {
    let node = this.leaves + space - 1;
    this.tree[node] = value;
    for (node >>= 1; node >= 1; node >>= 1) {
      this.tree[node] = Math.max(this.tree[2 * node] ?? 0, this.tree[2 * node + 1] ?? 0);
    }
  }
}
