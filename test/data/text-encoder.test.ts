// Our encoder gives what the library's gives, on random texts full of special tokens and odd characters.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, test } from 'vitest';
import { textEncoder } from '../../main/data/text-encoder.ts';
import { cutAtSpaces } from '../../main/data/word-cuts.ts';
import { tokenizerFolders } from '../support/real-tokenizers.ts';

type Json = { added_tokens: Record<string, unknown>[]; model: Record<string, unknown> } & Record<string, unknown>;

const read = (folder: string) => JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as Json;

const CHARACTERS = Array.from('abcdeABC   \n\t019.,!?\'"-_()<>|▁éüß日本한글😀🇫🇷\u200b\u00a0\u0301\r#/');

function randomTexts(count: number, special: string[]): string[] {
  let state = 7;
  const below = (limit: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % limit;
  };
  const pick = (list: string[]) => list[below(list.length)] ?? '';
  return Array.from({ length: count }, () =>
    Array.from({ length: below(80) }, () => (below(30) === 0 ? pick(special) : pick(CHARACTERS))).join(''),
  );
}

function differences(json: Json, changed: Json = json): string[] {
  const library = new Tokenizer(json, {});
  const { encode } = textEncoder(changed, {});
  const special = json.added_tokens.slice(0, 20).map((token) => String(token.content));
  return randomTexts(600, special).filter((text) => {
    return text !== '' && encode(text).join() !== library.encode(text, { add_special_tokens: false }).ids.join();
  });
}

describe.each(['llama3_1', 'qwen3', 'mistral'] as const)('%s', (name) => {
  const json = read(tokenizerFolders[name]);

  test('the same ids as the library', () => {
    expect(differences(json)).toEqual([]);
    expect(differences(json, cutAtSpaces(json) as Json)).toEqual([]);
  });

  test('added tokens that swallow blanks, or are found after normalizing', () => {
    const added = [
      { content: '<left>', lstrip: true },
      { content: '<right>', rstrip: true },
      { content: 'e\u0301!', normalized: true },
      { content: '<left>x' },
    ].map((token, i) => ({
      ...{ single_word: false, lstrip: false, rstrip: false, normalized: false, special: false },
      ...token,
      id: 900_000 + i,
    }));
    expect(differences({ ...json, added_tokens: [...added, ...json.added_tokens] })).toEqual([]);
  });
});

test('a word of a hundred thousand letters takes no time', () => {
  const { encode } = textEncoder(read(tokenizerFolders.mistral), {});
  const start = performance.now();
  const ids = encode('abcdefghij'.repeat(10_000));
  expect(performance.now() - start).toBeLessThan(3000);
  expect(ids.length).toBeGreaterThan(10_000);
});

test('a vocabulary without some characters: the unknown token, once for a run where the model fuses', () => {
  const vocab = { '<unk>': 0, a: 1, b: 2, ab: 3 };
  const json = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    model: { type: 'BPE', vocab, merges: ['a b'], unk_token: '<unk>', byte_fallback: false, fuse_unk: true },
  };
  expect(textEncoder(json, {}).encode('abxyba')).toEqual([3, 0, 2, 1]);
  const single = { ...json, model: { ...json.model, fuse_unk: false } };
  expect(textEncoder(single, {}).encode('abxyba')).toEqual([3, 0, 0, 2, 1]);
});
