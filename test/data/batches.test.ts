// Batches, the order of rows, splits and the random numbers behind them.
import { describe, expect, test } from 'vitest';
import { collate, epochOrder, splitDataset } from '../../main/data/batches.ts';
import { seededRandom, xoshiro128 } from '../../main/data/random.ts';
import type { TokenizedDataset, TokenizedExample } from '../../main/data/types.ts';
import { userErrorOf } from '../support/user-error.ts';

const example = (ids: number[], trained: number[]): TokenizedExample => ({
  inputIds: Int32Array.from(ids),
  trained: Uint8Array.from(trained),
});

describe('collate', () => {
  test('pads by length on the right; a label is predicted one position before', () => {
    const batch = collate([example([1, 7, 8, 9], [0, 0, 1, 1]), example([1, 2], [0, 1])]);
    expect(batch).toEqual({
      batch: 2,
      seq: 4,
      inputIds: Int32Array.of(1, 7, 8, 9, 1, 2, 0, 0),
      positionIds: Int32Array.of(0, 1, 2, 3, 0, 1, 0, 0),
      visibleUntil: Int32Array.of(4, 4, 4, 4, 2, 2, 3, 4),
      labelRows: Int32Array.of(1, 2, 4),
      labelIds: Int32Array.of(8, 9, 2),
      sequences: 1,
      membership: Float32Array.from([1, 1, 1]),
      tokenCount: 6,
    });
  });

  test('the last token and tokens equal to padding are trained like any other', () => {
    const batch = collate([example([5, 0, 0], [0, 1, 1]), example([5, 6, 7, 8, 9], [0, 0, 0, 0, 1])]);
    expect(Array.from(batch.labelRows)).toEqual([0, 1, 8]);
    expect(Array.from(batch.labelIds)).toEqual([0, 0, 9]);
  });

  test('pads to a multiple, and a first token is never a label', () => {
    const batch = collate([example([5, 6, 7], [1, 1, 0])], { padToMultipleOf: 8 });
    expect([batch.seq, batch.tokenCount, Array.from(batch.labelRows)]).toEqual([8, 3, [0]]);
    expect(Array.from(batch.visibleUntil)).toEqual([3, 3, 3, 4, 5, 6, 7, 8]);
  });

  test('with this rule every query sees a key, and padding is seen by none of the tokens', () => {
    const { batch, seq, visibleUntil } = collate([example([1, 2, 3], [0, 1, 1]), example([1], [0])]);
    const lengths = [3, 1];
    for (let row = 0; row < batch; row++) {
      for (let i = 0; i < seq; i++) {
        const seen = Array.from({ length: i + 1 }, (_, j) => j).filter((j) => i < (visibleUntil[row * seq + j] ?? 0));
        const length = lengths[row] ?? 0;
        expect(seen).toEqual(i < length ? Array.from({ length: i + 1 }, (_, j) => j) : [i]);
      }
    }
  });
});

describe('epochOrder', () => {
  const lengths = Int32Array.from({ length: 1000 }, (_, i) => (i * 7919) % 613);
  const order = (strategy: 'random' | 'sequential' | 'group_by_length', seed = 42, epoch = 0) =>
    Array.from(epochOrder({ length: 1000, seed, epoch, strategy, lengths, batchSize: 4 }));
  const everyRow = Array.from({ length: 1000 }, (_, i) => i);
  const sorted = (rows: number[]) => [...rows].sort((a, b) => a - b);

  test('sequential is the order of the file', () => {
    expect(order('sequential', 1, 3)).toEqual(everyRow);
  });

  test.each(['random', 'group_by_length'] as const)(
    '%s: every row once, the same for a seed, another for each epoch',
    (strategy) => {
      expect(sorted(order(strategy))).toEqual(everyRow);
      expect(order(strategy)).toEqual(order(strategy));
      expect(order(strategy, 42, 1)).not.toEqual(order(strategy));
      expect(order(strategy, 43)).not.toEqual(order(strategy));
    },
  );

  test('a seed gives this order in every version', () => {
    expect(Array.from(epochOrder({ length: 10, seed: 42, epoch: 0, strategy: 'random' }))).toMatchInlineSnapshot(`
      [
        4,
        8,
        1,
        6,
        5,
        7,
        2,
        0,
        9,
        3,
      ]
    `);
  });

  test('group_by_length: the longest row first, batches of like length', () => {
    const rows = order('group_by_length');
    expect(lengths[rows[0] ?? 0]).toBe(Math.max(...lengths));
    const spread = (chosen: number[]) => {
      let sum = 0;
      for (let i = 0; i < chosen.length; i += 4) {
        const some = chosen.slice(i, i + 4).map((row) => lengths[row] ?? 0);
        sum += Math.max(...some) - Math.min(...some);
      }
      return sum;
    };
    expect(spread(rows)).toBeLessThan(spread(order('random')) / 10);
  });

  test('every row is equally likely to come first', () => {
    const first = new Map<number, number>();
    for (let seed = 0; seed < 5000; seed++) {
      const row = epochOrder({ length: 10, seed, epoch: 0, strategy: 'random' })[0] ?? -1;
      first.set(row, (first.get(row) ?? 0) + 1);
    }
    // Standard deviation of a count: sqrt(5000 * 0.1 * 0.9) = 21.
    for (let row = 0; row < 10; row++) expect(Math.abs((first.get(row) ?? 0) - 500)).toBeLessThan(5 * 21);
  });
});

test('xoshiro128** as its authors define it', () => {
  const next = xoshiro128([1, 2, 3, 4]);
  // From the reference implementation in C, state {1, 2, 3, 4}.
  expect(Array.from({ length: 6 }, () => next())).toEqual([11520, 0, 5927040, 70819200, 2031721883, 1637235492]);
});

test('draws below a limit stay below it, for limits that are no power of two', () => {
  const random = seededRandom(1);
  const counts = [0, 0, 0];
  for (let i = 0; i < 30_000; i++) {
    const drawn = random.below(3);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  // sqrt(30000 / 3 * 2 / 3) = 82
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(5 * 82);
});

describe('splitDataset', () => {
  const dataset = (length: number): TokenizedDataset => ({
    length,
    fingerprint: String(length),
    tokenCount: (i) => i + 1,
    trainedCount: (i) => i,
    read: (i) => example([i], [0]),
  });
  const rows = (part: TokenizedDataset) =>
    Array.from({ length: part.length }, (_, i) => part.read(i).inputIds[0] ?? -1);

  test('a share is rounded up; parts keep the order of the file and share no row', () => {
    const { train, evaluation } = splitDataset(dataset(101), 0.05, 42);
    expect([train.length, evaluation.length]).toEqual([95, 6]);
    expect([...rows(train), ...rows(evaluation)].sort((a, b) => a - b)).toEqual(rows(dataset(101)));
    expect(rows(evaluation)).toEqual([...rows(evaluation)].sort((a, b) => a - b));
    expect(evaluation.tokenCount(0)).toBe((rows(evaluation)[0] ?? 0) + 1);
  });

  test('a number of rows; the same for a seed', () => {
    expect(rows(splitDataset(dataset(50), 7, 1).evaluation)).toEqual(rows(splitDataset(dataset(50), 7, 1).evaluation));
    expect(rows(splitDataset(dataset(50), 7, 1).evaluation)).not.toEqual(
      rows(splitDataset(dataset(50), 7, 2).evaluation),
    );
    expect(splitDataset(dataset(50), 7, 1).evaluation.length).toBe(7);
  });

  test.each([0, -1, 1.5, 50, 0.99, Number.NaN])('%s of 50 rows is refused or leaves rows for both', (size) => {
    if (size === 0.99) expect(userErrorOf(() => splitDataset(dataset(50), size, 1)).code).toBe('test-split-size');
    else expect(userErrorOf(() => splitDataset(dataset(50), size, 1)).message).toContain('50 usable rows');
  });
});
