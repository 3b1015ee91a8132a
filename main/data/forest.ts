// Lays rows out as a batch in which tokens may be shared and rows may stand beside each other: each row of the batch is
// a forest of segments in depth-first order, tokens see their ancestors only, and positions go on from the parent.
// Plain rows, packed rows and pairs with one prompt are all such forests. Which rows go together is others' business.
import { packRows } from './packing.ts';
import { prefixTree, type Segment } from './prefix-tree.ts';
import type { Batch, TokenizedExample } from './types.ts';

/** A row of tokens; its labels join the sum `sequence`, the first where absent. */
export type ForestRow = TokenizedExample & {
  sequence?: number;
  /** More labels of the same tokens, for another sum. */
  also?: { trained: Uint8Array; sequence: number };
};

export type ForestOptions = {
  /** Sums that labels join; default 1. */
  sequences?: number;
  /** Compute what rows of a bin begin with only once. */
  sharePrefixes?: boolean;
  /** Put bins beside each other where padding would stand. */
  fillPadding?: boolean;
};

/** Fewer tokens than this are not worth a segment of their own. */
const leastShared = 8;

/**
 * A row of the batch for each bin, or for as many as fit, padded on the right to the longest. Padding is told by length, never by a token id:
 * it holds id 0 at position 0, sees itself alone, and carries no label. The label at position p + 1 of a row is
 * predicted by the hidden state at its p.
 */
export function layOut(bins: readonly (readonly ForestRow[])[], options: ForestOptions = {}): Batch {
  const { sequences = 1, sharePrefixes = false, fillPadding = false } = options;
  const forests = bins.map((rows) => {
    const tokens = rows.map((row) => row.inputIds);
    const shared = sharePrefixes && rows.length > 1;
    return placed(shared ? prefixTree(tokens, leastShared) : besideEachOther(tokens));
  });
  const seq = forests.reduce((most, { length }) => Math.max(most, length), 0);
  const spots = spotsOf(
    forests.map(({ length }) => length),
    seq,
    fillPadding,
  );
  const batch = spots.reduce((most, { row }) => Math.max(most, row + 1), 0);
  const inputIds = new Int32Array(batch * seq);
  const positionIds = new Int32Array(batch * seq);
  const visibleUntil = Int32Array.from({ length: batch * seq }, (_, i) => (i % seq) + 1);
  const labels = new LabelTable(sequences);
  let tokenCount = 0;
  for (const [b, { segments }] of forests.entries()) {
    const { row: batchRow, offset: shift } = spots[b] ?? { row: b, offset: 0 };
    const start = batchRow * seq + shift;
    for (const { tokens, offset, position, until } of segments) {
      inputIds.set(tokens, start + offset);
      for (let i = 0; i < tokens.length; i++) positionIds[start + offset + i] = position + i;
      visibleUntil.fill(shift + until, start + offset, start + offset + tokens.length);
    }
    for (const [r, row] of (bins[b] ?? []).entries()) {
      tokenCount += row.inputIds.length;
      const places = placesOf(segments, r, row.inputIds.length);
      addLabels(labels, row, places, start);
      if (row.also) addLabels(labels, { ...row, ...row.also }, places, start);
    }
  }
  return { batch, seq, inputIds, positionIds, visibleUntil, ...labels.finish(), sequences, tokenCount };
}

type Spot = { row: number; offset: number };

/** Where each bin begins in the batch. */
function spotsOf(lengths: readonly number[], seq: number, fillPadding: boolean): Spot[] {
  const alone = lengths.map((_, row) => ({ row, offset: 0 }));
  if (!fillPadding || lengths.includes(0)) return alone;
  const rows = packRows(lengths, seq, 'bfd', Infinity);
  if (rows.length === lengths.length) return alone;
  const spots = [...alone];
  for (const [row, pieces] of rows.entries()) {
    let offset = 0;
    for (const piece of pieces) {
      spots[piece.row] = { row, offset };
      offset += piece.length;
    }
  }
  return spots;
}

type PlacedSegment = Segment & {
  /** Where it begins in the row of the batch. */
  offset: number;
  /** Position of its first token in the rows that it belongs to. */
  position: number;
  /** End of its last descendant. */
  until: number;
};

function placed(segments: readonly Segment[]): { segments: PlacedSegment[]; length: number } {
  let length = 0;
  const found: PlacedSegment[] = [];
  for (const segment of segments) {
    const parent = found[segment.parent];
    const position = parent ? parent.position + parent.tokens.length : 0;
    const until = length + segment.tokens.length;
    found.push({ ...segment, offset: length, position, until });
    length = until;
  }
  // Depth first: a parent stands before its children.
  for (const segment of found.toReversed()) {
    const parent = found[segment.parent];
    if (parent) parent.until = Math.max(parent.until, segment.until);
  }
  return { segments: found, length };
}

/** Every row a tree of its own. */
function besideEachOther(rows: readonly Int32Array[]): Segment[] {
  return rows.map((tokens, row) => ({ tokens, parent: -1, rowEnds: [row] }));
}

/** [length] where each token of row `row` stands in the row of the batch. */
function placesOf(segments: readonly PlacedSegment[], row: number, length: number): Int32Array {
  const places = new Int32Array(length);
  let segment = segments.find(({ rowEnds }) => rowEnds.includes(row));
  while (segment) {
    for (let i = 0; i < segment.tokens.length; i++) places[segment.position + i] = segment.offset + i;
    segment = segments[segment.parent];
  }
  return places;
}

function addLabels(labels: LabelTable, row: ForestRow, places: Int32Array, start: number): void {
  const { inputIds, trained, sequence = 0 } = row;
  for (let p = 0; p + 1 < inputIds.length; p++)
    if (trained[p + 1] === 1) labels.add(start + (places[p] ?? 0), inputIds[p + 1] ?? 0, sequence);
}

/** Labels, each once, with how often each sum counts them. */
class LabelTable {
  readonly #sequences: number;
  readonly #rows: number[] = [];
  readonly #ids: number[] = [];
  readonly #counts: [label: number, sequence: number][] = [];
  readonly #known = new Map<number, number>();

  constructor(sequences: number) {
    this.#sequences = sequences;
  }

  add(row: number, id: number, sequence: number): void {
    const key = row * 2 ** 24 + id;
    let label = this.#known.get(key);
    if (label === undefined) {
      label = this.#rows.length;
      this.#known.set(key, label);
      this.#rows.push(row);
      this.#ids.push(id);
    }
    this.#counts.push([label, sequence]);
  }

  finish(): Pick<Batch, 'labelRows' | 'labelIds' | 'membership'> {
    const labels = this.#rows.length;
    const membership = new Float32Array(this.#sequences * labels);
    for (const [label, sequence] of this.#counts) {
      const at = sequence * labels + label;
      membership[at] = (membership[at] ?? 0) + 1;
    }
    return { labelRows: Int32Array.from(this.#rows), labelIds: Int32Array.from(this.#ids), membership };
  }
}
