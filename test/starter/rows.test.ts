import { expect, test } from 'vitest';
import { packRows, segments, toBatch, type Segment } from '../../main/starter/rows.ts';
import type { Document } from '../../main/starter/corpus.ts';

/** One id per character after the special tokens: enough to follow each token by eye. */
const encode = (text: string): number[] =>
  (text.match(/<\|im_start\|>|<\|im_end\|>|[^]/g) ?? []).map((piece) =>
    piece === '<|im_start|>' ? 0 : piece === '<|im_end|>' ? 1 : piece.charCodeAt(0),
  );

const segment = (length: number, from = 10): Segment => ({
  ids: Array.from({ length }, (_, i) => from + i),
  trained: Uint8Array.from({ length }, (_, i) => (i === 0 ? 0 : 1)),
});

const chat = (question: string, answer: string): Document => ({
  kind: 'chat',
  messages: [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ],
});

test('of a conversation the answer and its end are trained, every fourth one wholly', () => {
  const [whole, partly] = [...segments([chat('q', 'yes'), chat('q', 'yes')], encode)] as [Segment, Segment];
  expect(whole.trained.reduce((sum, value) => sum + value, 0)).toBe(whole.ids.length - 1);
  const trained = partly.ids.filter((_, i) => partly.trained[i] === 1);
  expect(trained).toEqual([...encode('yes'), 1]);
});

test('packing loses no segment that fits and overfills no row', () => {
  const lengths = [5, 9, 3, 3, 8, 2, 1, 12, 7];
  const rows = [
    ...packRows(
      lengths.map((length) => segment(length)),
      10,
    ),
  ];
  const packed = rows.flat().map((item) => item.ids.length);
  expect(packed.sort((a, b) => a - b)).toEqual([1, 2, 3, 3, 5, 7, 8, 9]);
  for (const row of rows) expect(row.reduce((sum, item) => sum + item.ids.length, 0)).toBeLessThanOrEqual(10);
});

test('packed documents do not see each other', () => {
  const batch = toBatch([[segment(3), segment(2, 50)], [segment(4, 70)]], 6);
  expect(Array.from(batch.inputIds)).toEqual([10, 11, 12, 50, 51, 2, 70, 71, 72, 73, 2, 2]);
  expect(Array.from(batch.positionIds)).toEqual([0, 1, 2, 0, 1, 0, 0, 1, 2, 3, 0, 0]);
  expect(Array.from(batch.visibleUntil)).toEqual([3, 3, 3, 5, 5, 5, 4, 4, 4, 4, 4, 4]);
  expect(Array.from(batch.labelRows)).toEqual([0, 1, 3, 6, 7, 8]);
  expect(Array.from(batch.labelIds)).toEqual([11, 12, 51, 71, 72, 73]);
  expect(batch.tokenCount).toBe(9);
});
