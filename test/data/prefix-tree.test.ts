// Segments spell the rows again, whatever is shared; sharing happens where it saves enough, and only there.
import { describe, expect, test } from 'vitest';
import { prefixTree, type Segment } from '../../main/data/prefix-tree.ts';
import { seededRandom } from '../../main/data/random.ts';

const ids = (...tokens: number[]) => Int32Array.from(tokens);
const span = (from: number, count: number) => Int32Array.from({ length: count }, (_, i) => from + i);
const join = (...parts: Int32Array[]) => Int32Array.from(parts.flatMap((part) => [...part]));

/** The tokens on the way to the end of each row. */
function spelled(segments: Segment[], count: number): (number[] | undefined)[] {
  return Array.from({ length: count }, (_, row) => {
    const end = segments.findIndex((segment) => segment.rowEnds.includes(row));
    const tokens: number[] = [];
    if (end < 0) return undefined;
    for (let at = end; at >= 0; at = segments[at]?.parent ?? -1) tokens.unshift(...(segments[at]?.tokens ?? []));
    return tokens;
  });
}

const total = (segments: Segment[]) => segments.reduce((sum, segment) => sum + segment.tokens.length, 0);

describe('what is shared', () => {
  test('a prompt with two answers', () => {
    const prompt = span(100, 10);
    const segments = prefixTree([join(prompt, ids(1, 2)), join(prompt, ids(3))], 8);
    expect(segments).toEqual([
      { tokens: prompt, parent: -1, rowEnds: [] },
      { tokens: ids(1, 2), parent: 0, rowEnds: [0] },
      { tokens: ids(3), parent: 0, rowEnds: [1] },
    ]);
  });

  test('not a beginning that saves too little; three rows save twice as much', () => {
    const prompt = span(100, 4);
    const rows = [join(prompt, ids(1)), join(prompt, ids(2)), join(prompt, ids(3))];
    expect(prefixTree(rows.slice(0, 2), 8).map((segment) => segment.parent)).toEqual([-1, -1]);
    expect(prefixTree(rows, 8).map((segment) => segment.parent)).toEqual([-1, 0, 0, 0]);
    expect(prefixTree(rows, 9)).toHaveLength(3);
  });

  test('a short beginning of many goes into the longer one of some', () => {
    const rows = [ids(1, 2, 9), join(ids(1, 2), span(10, 20), ids(5)), join(ids(1, 2), span(10, 20), ids(6))];
    const segments = prefixTree(rows, 8);
    expect(segments.map((segment) => [segment.tokens.length, segment.parent])).toEqual([
      [3, -1],
      [22, -1],
      [1, 1],
      [1, 1],
    ]);
  });

  test('a row that another one goes on from; rows that are the same', () => {
    const long = span(0, 30);
    const segments = prefixTree([long, long.slice(0, 12), long, long.slice(0, 12)], 8);
    expect(segments).toEqual([
      { tokens: long.slice(0, 12), parent: -1, rowEnds: [1, 3] },
      { tokens: long.slice(12), parent: 0, rowEnds: [0, 2] },
    ]);
  });

  test('no rows, empty rows', () => {
    expect(prefixTree([], 8)).toEqual([]);
    expect(spelled(prefixTree([ids(), ids(1), ids()], 1), 3)).toEqual([[], [1], []]);
  });
});

test('random rows: spelled exactly, depth first, each shared segment worth it, nothing worth it left', () => {
  const random = seededRandom(3);
  for (let round = 0; round < 300; round++) {
    const count = 1 + random.below(9);
    const rows: Int32Array[] = [];
    for (let i = 0; i < count; i++) {
      const from = rows[random.below(Math.max(1, rows.length))] ?? ids();
      const kept = from.slice(0, random.below(from.length + 1));
      rows.push(
        join(
          kept,
          Int32Array.from({ length: random.below(15) }, () => random.below(3)),
        ),
      );
    }
    const least = 1 + random.below(10);
    const segments = prefixTree(rows, least);
    expect(spelled(segments, count)).toEqual(rows.map((row) => [...row]));
    expect(segments.flatMap((segment) => segment.rowEnds).sort((a, b) => a - b)).toEqual(rows.map((_, i) => i));
    // rows that a segment's tokens stand in
    const users = segments.map((segment) => segment.rowEnds.length);
    for (let i = segments.length - 1; i >= 0; i--) {
      const parent = segments[i]?.parent ?? -1;
      if (parent >= 0) users[parent] = (users[parent] ?? 0) + (users[i] ?? 0);
    }
    const path: number[] = [];
    for (const [i, { tokens, parent }] of segments.entries()) {
      while (path.length > 0 && path.at(-1) !== parent) path.pop();
      expect(path.at(-1) ?? -1).toBe(parent);
      path.push(i);
      const used = users[i] ?? 0;
      if (used > 1) expect(tokens.length * (used - 1)).toBeGreaterThanOrEqual(least);
    }
    const siblings = Map.groupBy(
      segments.keys(),
      (i) => `${String(segments[i]?.parent)} ${String(segments[i]?.tokens[0])}`,
    );
    for (const alike of siblings.values()) {
      const [first, ...others] = alike.map((i) => segments[i]?.tokens ?? ids());
      if (!first || others.length === 0) continue;
      let common = 0;
      while (common < first.length && others.every((tokens) => tokens[common] === first[common])) common++;
      const used = alike.reduce((sum, i) => sum + (users[i] ?? 0), 0);
      expect(common * (used - 1)).toBeLessThan(least);
    }
    expect(total(prefixTree(rows, 1))).toBeLessThanOrEqual(total(segments));
    expect(total(prefixTree(rows, Infinity))).toBe(rows.reduce((sum, row) => sum + row.length, 0));
  }
});

test('with a least saving of one, every distinct beginning is there once', () => {
  const random = seededRandom(4);
  const rows = Array.from({ length: 40 }, () => Int32Array.from({ length: random.below(12) }, () => random.below(2)));
  const beginnings = new Set(rows.flatMap((row) => [...row].map((_, end) => row.slice(0, end + 1).join())));
  expect(total(prefixTree(rows, 1))).toBe(beginnings.size);
});
