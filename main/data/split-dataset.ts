// Parts some rows off for evaluation, the same ones for the same seed.
import { UserError } from '../errors.ts';
import { permutation, seededRandom } from './random.ts';
import type { TokenizedDataset } from './types.ts';

/** Keeps splits apart from the shuffling of epochs that uses the same seed. */
const SPLIT_STREAM = 0x5e7;

/**
 * `testSplitSize`: a share of the rows between 0 and 1 (rounded up), or a number of rows. Both parts are views that
 * keep the order of the file. Throws UserError test-split-size.
 */
export function splitDataset(
  dataset: TokenizedDataset,
  testSplitSize: number,
  seed: number,
): { train: TokenizedDataset; evaluation: TokenizedDataset } {
  const { length } = dataset;
  const count = testSplitSize < 1 ? Math.ceil(length * testSplitSize) : testSplitSize;
  if (!(testSplitSize > 0) || !Number.isInteger(count) || count >= length) {
    throw new UserError({
      code: 'test-split-size',
      message: `test_split_size ${String(testSplitSize)} cannot part ${String(length)} usable rows into training and evaluation.`,
      fix: 'Use a share between 0 and 1 (0.05), or a whole number of rows smaller than the dataset.',
    });
  }
  const order = permutation(length, seededRandom(seed, SPLIT_STREAM));
  return {
    train: selectRows(dataset, order.slice(count).sort()),
    evaluation: selectRows(dataset, order.slice(0, count).sort()),
  };
}

/** A view of some rows, in the given order. */
export function selectRows(dataset: TokenizedDataset, rows: Int32Array): TokenizedDataset {
  const at = (i: number) => {
    const row = rows[i];
    if (row === undefined) throw new RangeError(`row ${String(i)} of ${String(rows.length)}`);
    return row;
  };
  return {
    length: rows.length,
    tokenCount: (i) => dataset.tokenCount(at(i)),
    trainedCount: (i) => dataset.trainedCount(at(i)),
    read: (i) => dataset.read(at(i)),
  };
}
