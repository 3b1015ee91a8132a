// Sizes of rows and pairs, counted by hand.
import { expect, test } from 'vitest';
import { pairSizes, rowSizes } from '../../main/data/row-sizes.ts';

test('of rows: tokens and labels', () => {
  const rows = [
    [10, 4],
    [6, 6],
    [20, 2],
  ] as const;
  const dataset = {
    length: rows.length,
    tokenCount: (i: number) => rows[i]?.[0] ?? 0,
    trainedCount: (i: number) => rows[i]?.[1] ?? 0,
  };
  expect(rowSizes(dataset)).toEqual({ rows: 3, mean: 12, longest: 20, meanLabels: 4, mostLabels: 6 });
});

test('of pairs: the longer answer with its prompt, both answers as labels, and all three together', () => {
  const pairs = [
    { prompt: 5, chosen: 10, rejected: 3 },
    { prompt: 8, chosen: 2, rejected: 4 },
  ];
  const counts = (i: number) => pairs[i] ?? { prompt: 0, chosen: 0, rejected: 0 };
  expect(pairSizes({ length: 2, counts })).toEqual({
    ...{ rows: 2, mean: 13.5, longest: 15, meanLabels: 9.5, mostLabels: 13 },
    joined: { mean: 16, longest: 18, shortestPrompt: 5 },
  });
  expect(pairSizes({ length: 0, counts }).joined).toEqual({ mean: 0, longest: 0, shortestPrompt: 0 });
});
