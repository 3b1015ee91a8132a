// The layout of shared and packed rows, by hand and by its properties.
import { describe, expect, test } from 'vitest';
import { collate, labelCount } from '../../main/data/batches.ts';
import { layOut } from '../../main/data/forest.ts';
import { binsOfSharedPrefixes } from '../../main/data/shared-prefixes.ts';
import type { TokenizedExample } from '../../main/data/types.ts';

const row = (ids: number[], trained: number[], sequence = 0) => ({
  inputIds: Int32Array.from(ids),
  trained: Uint8Array.from(trained),
  sequence,
});
const prompt = Array.from({ length: 10 }, (_, i) => 100 + i);
const none = prompt.map(() => 0);

describe('a prompt with two answers', () => {
  const batch = layOut([[row([...prompt, 1, 2], [...none, 1, 1], 0), row([...prompt, 3], [...none, 1], 1)]], {
    sequences: 2,
    sharePrefixes: true,
  });
  test('stands in the batch once, with both answers behind it', () => {
    expect([...batch.inputIds]).toEqual([...prompt, 1, 2, 3]);
  });
  test('both answers go on from its end', () => {
    expect([...batch.positionIds].slice(9)).toEqual([9, 10, 11, 10]);
  });
  test('it is seen by all of them, each answer by itself alone', () => {
    expect([...batch.visibleUntil]).toEqual([...prompt.map(() => 13), 12, 12, 13]);
  });
  test('its last token predicts the first of either answer', () => {
    expect([...batch.labelRows]).toEqual([9, 10, 9]);
    expect([...batch.labelIds]).toEqual([1, 2, 3]);
    expect([...batch.membership]).toEqual([1, 1, 0, 0, 0, 1]);
  });
  test('tokens count as often as rows have them', () => {
    expect(batch.tokenCount).toBe(23);
  });
});

test('a label that both rows train is computed once and counted twice', () => {
  const all = Array.from({ length: 12 }, () => 1);
  const batch = layOut([[row([...prompt, 1, 2], all), row([...prompt, 1, 3], all)]], { sharePrefixes: true });
  // Eleven tokens in common give ten labels for both, and then each its own.
  expect(batch.labelRows).toHaveLength(12);
  expect(labelCount(batch)).toBe(22);
});

test('more labels of a row join a sum of their own', () => {
  const [first, second] = [row([5, 6, 7, 8], [0, 0, 1, 1], 0), row([5, 6, 9], [0, 0, 1], 1)];
  const also = { trained: Uint8Array.of(0, 1, 0, 0), sequence: 2 };
  const batch = layOut([[{ ...first, also }], [second]], { sequences: 3 });
  expect([...batch.labelIds]).toEqual([7, 8, 6, 9]);
  expect([...batch.membership]).toEqual([1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0]);
  // The tokens are those of the rows, however many sums their labels join.
  expect(batch.tokenCount).toBe(7);
});

test('packed rows stand beside each other, begin at position 0 and see only themselves', () => {
  const batch = layOut([[row([1, 2, 3], [0, 1, 1]), row([4, 5], [0, 1])], [row([6, 7], [0, 1])]]);
  expect([...batch.inputIds]).toEqual([1, 2, 3, 4, 5, 6, 7, 0, 0, 0]);
  expect([...batch.positionIds]).toEqual([0, 1, 2, 0, 1, 0, 1, 0, 0, 0]);
  expect([...batch.visibleUntil]).toEqual([3, 3, 3, 5, 5, 2, 2, 3, 4, 5]);
  expect([...batch.labelRows]).toEqual([0, 1, 3, 5]);
});

test('short rows stand where padding would, one behind the other, and see only themselves', () => {
  const rows = [row([1, 2], [0, 1]), row([3, 4, 5, 6, 7], [0, 1, 1, 1, 1]), row([8, 9, 10], [0, 1, 1])];
  const batch = layOut(
    rows.map((one) => [one]),
    { fillPadding: true },
  );
  expect([batch.batch, batch.seq]).toEqual([2, 5]);
  expect([...batch.inputIds]).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 1, 2]);
  expect([...batch.positionIds]).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 0, 1]);
  expect([...batch.visibleUntil]).toEqual([5, 5, 5, 5, 5, 3, 3, 3, 5, 5]);
  expect([...batch.labelRows].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 5, 6, 8]);
});

test('without anything in common, sharing changes nothing', () => {
  const rows = [row([1, 2, 3], [0, 1, 1]), row([4, 5], [0, 1])];
  expect(binsOfSharedPrefixes(rows)).toBeUndefined();
  expect(layOut([rows], { sharePrefixes: true })).toEqual(layOut([rows]));
});

describe('which rows of a batch share', () => {
  const answers = (count: number, length: number): TokenizedExample[] =>
    Array.from({ length: count }, (_, i) => {
      const ids = [...prompt, ...Array.from({ length }, (_, t) => 200 + 10 * i + t)];
      return row(ids, ids.map(Number));
    });
  test('those with a long common beginning stand together', () => {
    const bins = binsOfSharedPrefixes([...answers(3, 4), row([7, 8, 9, 10, 11, 12, 13, 14], [0, 1, 1, 1, 1, 1, 1, 1])]);
    expect(bins?.map((bin) => bin.length)).toEqual([3, 1]);
  });
  test('not where padding would eat what is saved', () => {
    expect(binsOfSharedPrefixes([...answers(2, 30), row([7, 8, 9], [0, 1, 1])])).toBeUndefined();
  });
});

test('every token of random rows sees exactly its row up to itself', () => {
  let state = 9;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
  for (let round = 0; round < 200; round++) {
    const rows: { inputIds: Int32Array; trained: Uint8Array; sequence: number }[] = [];
    for (let i = 0; i < 2 + random(4); i++) {
      const base = rows[random(rows.length + 1)]?.inputIds ?? new Int32Array();
      const ids = [
        ...base.subarray(0, random(base.length + 1)),
        ...Array.from({ length: 1 + random(15) }, () => random(3)),
      ];
      rows.push(
        row(
          ids,
          ids.map(() => random(2)),
          i,
        ),
      );
    }
    // In two bins, so that they may also stand beside each other.
    const half = [rows.slice(0, 2), rows.slice(2)].filter((bin) => bin.length > 0);
    const bins = round % 2 === 0 ? [rows] : half;
    const shared = layOut(bins, { sequences: rows.length, sharePrefixes: true, fillPadding: true });
    const labels = shared.labelRows.length;
    for (const [r, { inputIds, trained }] of rows.entries()) {
      const plain = collate([{ inputIds, trained }]);
      const found: string[] = [];
      for (let label = 0; label < labels; label++) {
        if ((shared.membership[r * labels + label] ?? 0) === 0) continue;
        const at = shared.labelRows[label] ?? 0;
        const start = at - (at % shared.seq);
        const sees = (_: number, j: number): boolean =>
          j >= start && j <= at && at - start < (shared.visibleUntil[j] ?? 0);
        const seen = [...shared.inputIds].filter(sees);
        const positions = [...shared.positionIds].filter(sees);
        expect(positions).toEqual(seen.map((_, i) => i));
        found.push(`${seen.join()}>${shared.labelIds[label]}`);
      }
      const expected = [...plain.labelRows].map(
        (at, i) => `${[...inputIds].slice(0, at + 1).join()}>${plain.labelIds[i]}`,
      );
      expect(found.sort()).toEqual(expected.sort());
    }
  }
});
