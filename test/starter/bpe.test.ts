import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { afterAll, expect, test } from 'vitest';
import { byteAlphabet, splitWords, trainBpe } from '../../main/starter/bpe.ts';
import { specialTokens, writeTokenizerFiles } from '../../main/starter/tokenizer-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'lorelei-bpe-'));
afterAll(() => rmSync(folder, { recursive: true }));

const text = ['low lower lowest low low', 'newer newest new wider', 'The otter eats 12 fish.\nIt’s happy – naïve!'];

function load(): Tokenizer {
  const read = (name: string): object => JSON.parse(readFileSync(join(folder, name), 'utf8')) as object;
  return new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
}

test('the first merges are the most frequent pairs', () => {
  // "low" occurs 5 times: l+o and o+w are tied at 5 with each other, and "l o" sorts first.
  const { merges } = trainBpe(['low lower lowest low low'], 260);
  expect(merges.slice(0, 2)).toEqual([
    ['l', 'o'],
    ['lo', 'w'],
  ]);
});

test('the order of the texts does not matter', () => {
  expect(trainBpe([...text].reverse(), 300)).toEqual(trainBpe(text, 300));
});

test('training stops when no pair occurs twice', () => {
  expect(trainBpe(['ab'], 400).merges).toEqual([]);
});

test('every byte has its own printable piece', () => {
  expect(new Set(byteAlphabet).size).toBe(256);
  // Known stand-ins of byte-level tokenizers: space, newline, and the two gaps in Latin-1.
  expect(byteAlphabet[32]).toBe('Ġ');
  expect(byteAlphabet[10]).toBe('Ċ');
  expect(byteAlphabet[65]).toBe('A');
});

test('words are split with their space, digits one by one', () => {
  expect(splitWords("It's 12 fish.\n")).toEqual(['It', "'s", ' ', '1', '2', ' fish', '.', '\n']);
});

test('any text comes back from its tokens', () => {
  const bpe = trainBpe(text, 320);
  writeTokenizerFiles(folder, bpe, 128);
  const tokenizer = load();
  for (const sample of [...text, 'größer 東京 🙂 ~ \t x', '  two spaces ', '345']) {
    const { ids } = tokenizer.encode(sample, { add_special_tokens: false });
    expect(tokenizer.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false })).toBe(sample);
  }
  expect(tokenizer.encode('345').ids).toHaveLength(3);
});

test('special tokens are single ids, first in the vocabulary', () => {
  writeTokenizerFiles(folder, trainBpe(text, 320), 128);
  const tokenizer = load();
  expect(Array.from(tokenizer.encode(specialTokens.join('')).ids)).toEqual([0, 1, 2]);
});
