// Tokenized preference pairs on disk: the words of a row are the ids of prompt, chosen and rejected, one after the other.
import type { PairIds } from './pair.ts';
import { openRowStore, RowStoreWriter, type LengthCounts, type RowPlace, type StoredRows } from './row-store.ts';
import type { PairDataset, TokenizedPair } from './types.ts';

/** Lengths of the three parts, and what the prompt lacks before either answer. */
const NUMBERS_PER_ROW = 5;

/** A dataset whose pairs know where they came from. */
export type PlacedPairs = PairDataset & {
  place(i: number): RowPlace;
  /** Tokens before max_length, with the longer answer. */
  fullLength(i: number): number;
  /** Its tokens are those of an earlier row. */
  isDuplicate(i: number): boolean;
  /** Of all rows that were tokenized, also those of which nothing is left. */
  readonly lengths: LengthCounts;
  /** Closes the file; pairs can no longer be read. */
  close(): void;
};

/** One pair in the form in which it is stored. */
export function packPair(pair: TokenizedPair): { words: Uint32Array; numbers: number[] } {
  const { promptIds, chosenIds, rejectedIds, chosenCut, rejectedCut } = pair;
  const words = new Uint32Array(promptIds.length + chosenIds.length + rejectedIds.length);
  words.set(promptIds);
  words.set(chosenIds, promptIds.length);
  words.set(rejectedIds, promptIds.length + chosenIds.length);
  return {
    words,
    numbers: [promptIds.length, chosenIds.length, rejectedIds.length, chosenCut, rejectedCut],
  };
}

/** A pair before max_length in words, with the lengths of its parts. */
export function packWholePair({ prompt, chosen, rejected }: PairIds): { words: Uint32Array; numbers: number[] } {
  return {
    words: Uint32Array.from([...prompt, ...chosen, ...rejected]),
    numbers: [prompt.length, chosen.length, rejected.length],
  };
}

/** And back. */
export function unpackWholePair(words: Uint32Array, number: (which: number) => number): PairIds {
  const ids = Array.from(words);
  const [answers, second] = [number(0), number(0) + number(1)];
  return { prompt: ids.slice(0, answers), chosen: ids.slice(answers, second), rejected: ids.slice(second) };
}

/** Pairs are added as packPair gives them. */
export function pairStoreWriter(folder: string): RowStoreWriter {
  return new RowStoreWriter(folder, NUMBERS_PER_ROW);
}

/** The store in a folder, or undefined where there is none that is whole. */
export function openPairStore(folder: string): { dataset: PlacedPairs; report: unknown } | undefined {
  const rows = openRowStore(folder, NUMBERS_PER_ROW);
  return rows && { dataset: storedPairs(rows), report: rows.report };
}

function storedPairs(rows: StoredRows): PlacedPairs {
  const counts = (i: number) => ({ prompt: rows.number(i, 0), chosen: rows.number(i, 1), rejected: rows.number(i, 2) });
  return {
    length: rows.length,
    fingerprint: rows.fingerprint,
    counts,
    place: (i) => rows.place(i),
    fullLength: (i) => rows.fullLength(i),
    isDuplicate: (i) => rows.isDuplicate(i),
    lengths: rows.lengths,
    read(i) {
      const { prompt, chosen } = counts(i);
      const ids = Int32Array.from(rows.words(i));
      return {
        promptIds: ids.subarray(0, prompt),
        chosenIds: ids.subarray(prompt, prompt + chosen),
        rejectedIds: ids.subarray(prompt + chosen),
        chosenCut: rows.number(i, 3),
        rejectedCut: rows.number(i, 4),
      };
    },
    close() {
      rows.close();
    },
  };
}
