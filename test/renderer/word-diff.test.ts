import { expect, test } from 'vitest';
import { wordDiff } from '../../renderer/ui/word-diff.ts';

const marked = (text: string, other: string): string =>
  wordDiff(text, other)
    .map((piece) => (piece.differs ? `[${piece.text.trim()}]` : piece.text.trim()))
    .join(' ');

test('only words that are new at their place are marked', () => {
  expect(marked('the river was calm and cold', 'the river is cold')).toBe('the river [was calm and] cold');
  expect(marked('one two', 'one two')).toBe('one two');
  expect(marked('a b', '')).toBe('[a b]');
  expect(marked('', 'a')).toBe('');
  expect(marked('b a', 'a b')).toBe('[b] a');
});

test('nothing is lost, and other white space is no other word', () => {
  const pieces = wordDiff('a  b\nc', 'a b d');
  expect(pieces.map(({ text }) => text).join('')).toBe('a  b\nc');
  expect(pieces.at(-1)).toEqual({ text: 'c', differs: true });
});

test('very long texts are compared at their beginning, and the rest counts as different', () => {
  const long = Array.from({ length: 5000 }, (_, i) => `w${String(i)}`).join(' ');
  const pieces = wordDiff(long, long);
  expect(pieces.map(({ differs }) => differs)).toEqual([false, true]);
});
