// Parts some rows off for evaluation, the same ones for the same seed.
import { createHash } from 'node:crypto';
import { UserError } from '../errors.ts';
import { permutation, seededRandom } from './random.ts';
import type { PairDataset, TokenizedDataset } from './types.ts';

/** Keeps splits apart from the shuffling of epochs that uses the same seed. */
const SPLIT_STREAM = 0x5e7;

export type Split<Dataset> = { train: Dataset; evaluation: Dataset };

/**
 * `testSplitSize`: a share of the rows between 0 and 1 (rounded up), or a number of rows. Both parts are views that
 * keep the order of the file. Throws UserError test-split-size.
 */
export function splitDataset(dataset: TokenizedDataset, testSplitSize: number, seed: number): Split<TokenizedDataset> {
  const { train, evaluation } = splitRows(dataset.length, testSplitSize, seed);
  return { train: selectRows(dataset, train), evaluation: selectRows(dataset, evaluation) };
}

/** The same for preference pairs. */
export function splitPairs(dataset: PairDataset, testSplitSize: number, seed: number): Split<PairDataset> {
  const { train, evaluation } = splitRows(dataset.length, testSplitSize, seed);
  return { train: selectPairs(dataset, train), evaluation: selectPairs(dataset, evaluation) };
}

function splitRows(length: number, testSplitSize: number, seed: number): Split<Int32Array> {
  const count = testSplitSize < 1 ? Math.ceil(length * testSplitSize) : testSplitSize;
  if (!(testSplitSize > 0) || !Number.isInteger(count) || count >= length) {
    throw new UserError({
      code: 'test-split-size',
      message: `test_split_size ${String(testSplitSize)} cannot part ${String(length)} usable rows into training and evaluation.`,
      fix: 'Use a share between 0 and 1 (0.05), or a whole number of rows smaller than the dataset.',
    });
  }
  const order = permutation(length, seededRandom(seed, SPLIT_STREAM));
  return { train: order.slice(count).sort(), evaluation: order.slice(0, count).sort() };
}

/** A view of some rows, in the given order. */
export function selectRows(dataset: TokenizedDataset, rows: Int32Array): TokenizedDataset {
  const at = rowOf(rows);
  return {
    length: rows.length,
    fingerprint: fingerprintOfRows(dataset, rows),
    tokenCount: (i) => dataset.tokenCount(at(i)),
    trainedCount: (i) => dataset.trainedCount(at(i)),
    read: (i) => dataset.read(at(i)),
  };
}

/** A view of some pairs, in the given order. */
export function selectPairs(dataset: PairDataset, rows: Int32Array): PairDataset {
  const at = rowOf(rows);
  return {
    length: rows.length,
    fingerprint: fingerprintOfRows(dataset, rows),
    counts: (i) => dataset.counts(at(i)),
    read: (i) => dataset.read(at(i)),
  };
}

function rowOf(rows: Int32Array): (i: number) => number {
  return (i) => {
    const row = rows[i];
    if (row === undefined) throw new RangeError(`row ${String(i)} of ${String(rows.length)}`);
    return row;
  };
}

function fingerprintOfRows(dataset: { fingerprint: string }, rows: Int32Array): string {
  return createHash('sha256').update(dataset.fingerprint).update(rows).digest('hex');
}
