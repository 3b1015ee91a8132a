// Tokenized rows on disk: a word a token, the id with the highest bit set where it is trained.
import { openRowStore, RowStoreWriter, type LengthCounts, type RowPlace, type StoredRows } from './row-store.ts';
import type { TokenizedDataset, TokenizedExample } from './types.ts';

const TRAINED_BIT = 0x80000000;
const ID_MASK = 0x7fffffff;
/** The trained tokens of a row. */
const NUMBERS_PER_ROW = 1;

/** A dataset whose rows know where they came from. */
export type PlacedDataset = TokenizedDataset & {
  place(i: number): RowPlace;
  /** Tokens before max_length cut it. */
  fullLength(i: number): number;
  /** Its tokens are those of an earlier row. */
  isDuplicate(i: number): boolean;
  /** Of all rows that were tokenized, also those of which nothing is left. */
  readonly lengths: LengthCounts;
  /** Closes the file; rows can no longer be read. */
  close(): void;
};

/** One row as 32-bit words, the form in which it is stored. */
export function packRow(inputIds: ArrayLike<number>, trained: ArrayLike<number>): Uint32Array {
  const words = new Uint32Array(inputIds.length);
  for (let i = 0; i < words.length; i++) words[i] = (inputIds[i] ?? 0) | (trained[i] === 1 ? TRAINED_BIT : 0);
  return words;
}

/** Rows are added as words of packRow, with the number of their trained tokens. */
export function tokenStoreWriter(folder: string): RowStoreWriter {
  return new RowStoreWriter(folder, NUMBERS_PER_ROW);
}

/** The store in a folder, or undefined where there is none that is whole. */
export function openTokenStore(folder: string): { dataset: PlacedDataset; report: unknown } | undefined {
  const rows = openRowStore(folder, NUMBERS_PER_ROW);
  return rows && { dataset: storedDataset(rows), report: rows.report };
}

function storedDataset(rows: StoredRows): PlacedDataset {
  return {
    length: rows.length,
    fingerprint: rows.fingerprint,
    tokenCount: (i) => rows.wordCount(i),
    trainedCount: (i) => rows.number(i, 0),
    place: (i) => rows.place(i),
    fullLength: (i) => rows.fullLength(i),
    isDuplicate: (i) => rows.isDuplicate(i),
    lengths: rows.lengths,
    read: (i) => unpackRow(rows.words(i)),
    close() {
      rows.close();
    },
  };
}

/** And back. */
export function unpackRow(words: Uint32Array): TokenizedExample {
  const inputIds = new Int32Array(words.length);
  const trained = new Uint8Array(words.length);
  for (let t = 0; t < words.length; t++) {
    const word = words[t] ?? 0;
    inputIds[t] = word & ID_MASK;
    trained[t] = word >>> 31;
  }
  return { inputIds, trained };
}
