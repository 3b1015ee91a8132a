// The tokenizer wrapper beyond plain ids: single tokens, places in the text, streaming, settings, and bad folders.
import { copyFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { streamDecoder } from '../../main/data/stream-decoder.ts';
import { checkVocabulary, loadTokenizer } from '../../main/data/tokenizer.ts';
import { tokenizerFolders } from '../support/real-tokenizers.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { userErrorOf } from '../support/user-error.ts';

const folder = tempFolder();
const tokenizers = {
  llama3_1: loadTokenizer(tokenizerFolders.llama3_1),
  qwen3: loadTokenizer(tokenizerFolders.qwen3),
  mistral: loadTokenizer(tokenizerFolders.mistral),
};
const TEXT = 'Hello there,\n\n  wörld — 日本語 😀 <unk>\ttabs and "quotes"';

describe.each(Object.entries(tokenizers))('%s', (_name, tokenizer) => {
  test('tokens spell the text, one after the other', () => {
    const ids = tokenizer.encode(TEXT, { specialTokens: false });
    const starts = tokenizer.locate(TEXT, ids);
    expect(starts?.[0]).toBe(0);
    expect(starts?.at(-1)).toBe(Buffer.byteLength(TEXT));
    const bytes = Buffer.from(TEXT);
    for (const [i, id] of ids.entries()) {
      const piece = tokenizer.piece(id);
      if (piece.includes('\\x')) continue;
      const covered = bytes.subarray(starts?.[i], starts?.[i + 1]).toString();
      expect([piece, piece.replace(/^ /, '')]).toContain(covered);
    }
  });

  test('streaming gives the whole text, and never half a character', () => {
    const ids = tokenizer.encode(`${TEXT} and a longer end so that the window moves on 🇫🇷🇩🇪`, { specialTokens: false });
    const decoder = streamDecoder(tokenizer);
    const parts = ids.map((id) => decoder.push(id));
    parts.push(decoder.end());
    expect(parts.join('')).toBe(tokenizer.decode(ids, { skipSpecial: true }));
    for (const part of parts) expect(part).not.toContain('\uFFFD');
  });

  test('streaming after a prompt keeps the space between', () => {
    const prompt = tokenizer.encode('The cat', { specialTokens: true });
    const all = tokenizer.encode('The cat sat down.', { specialTokens: true });
    expect(all.slice(0, prompt.length)).toEqual(prompt);
    const decoder = streamDecoder(tokenizer, prompt);
    const text =
      all
        .slice(prompt.length)
        .map((id) => decoder.push(id))
        .join('') + decoder.end();
    expect(text).toBe(' sat down.');
  });

  test('an unfinished character comes out at the end', () => {
    const ids = tokenizer.encode('\u{12345}', { specialTokens: false });
    const decoder = streamDecoder(tokenizer);
    const before = ids.slice(0, -1).map((id) => decoder.push(id));
    expect(before.join('').trim()).toBe('');
    expect(decoder.end()).toContain('\uFFFD');
  });

  test('nothing is nothing', () => {
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.encode('', { specialTokens: false })).toEqual([]);
    expect(streamDecoder(tokenizer).end()).toBe('');
  });
});

test('what is known of each', () => {
  const { llama3_1, qwen3, mistral } = tokenizers;
  const facts = ({ vocabSize, bosId, eosId, padId, addsBos }: (typeof tokenizers)['qwen3']) => ({
    vocabSize,
    bosId,
    eosId,
    padId,
    addsBos,
  });
  expect(facts(llama3_1)).toEqual({ vocabSize: 128256, bosId: 128000, eosId: 128009, padId: undefined, addsBos: true });
  expect(facts(qwen3)).toEqual({ vocabSize: 151669, bosId: undefined, eosId: 151645, padId: 151643, addsBos: false });
  expect(facts(mistral)).toEqual({ vocabSize: 32000, bosId: 1, eosId: 2, padId: undefined, addsBos: true });
  expect(qwen3.isSpecial(151645)).toBe(true);
  expect(qwen3.isSpecial(100)).toBe(false);
});

test('overrides: end token, template; the fingerprint follows', () => {
  const changed = tokenizers.llama3_1.with({ eosToken: '<|end_of_text|>', chatTemplate: 'x' });
  expect([changed.eosId, changed.renderChat([])]).toEqual([128001, 'x']);
  expect(changed.fingerprint).not.toBe(tokenizers.llama3_1.fingerprint);
  expect(tokenizers.llama3_1.with({}).fingerprint).toBe(tokenizers.llama3_1.fingerprint);
  expect(userErrorOf(() => tokenizers.llama3_1.with({ eosToken: '<none>' })).code).toBe('eos-token-unknown');
});

/** A copy of a tokenizer with another config. */
function copyWith(name: string, config: Record<string, unknown>, from = tokenizerFolders.mistral): string {
  const path = folder.write(join(name, 'tokenizer_config.json'), JSON.stringify(config));
  copyFileSync(join(from, 'tokenizer.json'), join(path, '..', 'tokenizer.json'));
  return join(path, '..');
}

describe('tokenizer_config.json', () => {
  test('add_bos_token and add_eos_token decide', () => {
    const base = { bos_token: '<s>', eos_token: { content: '</s>' } };
    const none = loadTokenizer(copyWith('no-bos', { ...base, add_bos_token: false }));
    expect([none.addsBos, none.encode('Hi')[0]]).toEqual([false, none.encode('Hi', { specialTokens: false })[0]]);
    const both = loadTokenizer(copyWith('eos', { ...base, add_bos_token: true, add_eos_token: true }));
    expect(both.encode('Hi')).toEqual([1, ...both.encode('Hi', { specialTokens: false }), 2]);
    expect(both.encode('Hi</s>').filter((id) => id === 2)).toEqual([2]);
  });

  test('templates: text, a list of named ones, files beside it, chat_template_path', () => {
    const list = [
      { name: 'tool_use', template: 'tools' },
      { name: 'default', template: 'plain' },
    ];
    const named = copyWith('named', { chat_template: list });
    expect(loadTokenizer(named).renderChat([])).toBe('plain');
    folder.write('named/chat_template.jinja', 'from the file');
    expect(loadTokenizer(named).renderChat([])).toBe('from the file');
    const other = folder.write('other.jinja', '{{ bos_token }}other');
    expect(loadTokenizer(copyWith('path', { bos_token: '<s>' }), { chatTemplatePath: other }).renderChat([])).toBe(
      '<s>other',
    );
    expect(loadTokenizer(copyWith('path2', {}), { chatTemplatePath: named }).renderChat([])).toBe('from the file');
    expect(userErrorOf(() => loadTokenizer(named, { chatTemplatePath: 'nowhere' })).code).toBe('chat-template-missing');
    const broken = loadTokenizer(copyWith('broken', { chat_template: '{% for %}' }));
    expect(userErrorOf(() => broken.renderChat([])).code).toBe('chat-template-invalid');
    expect(userErrorOf(() => tokenizers.mistral.renderChat([])).code).toBe('chat-template-missing');
  });
});

test('bad folders', () => {
  expect(userErrorOf(() => loadTokenizer(folder.path)).code).toBe('tokenizer-missing');
  folder.write('old/tokenizer.model', '');
  expect(userErrorOf(() => loadTokenizer(join(folder.path, 'old'))).message).toContain(
    'only the older tokenizer.model',
  );
  const whole = readFileSync(join(tokenizerFolders.mistral, 'tokenizer.json'), 'utf8');
  for (const [name, text] of Object.entries({
    cut: whole.slice(0, 5000),
    list: '[]',
    hollow: '{}',
    model: '{"model": {}}',
  })) {
    folder.write(join(name, 'tokenizer.json'), text);
    const error = userErrorOf(() => loadTokenizer(join(folder.path, name)));
    expect([error.code, error.message]).toEqual([
      'tokenizer-invalid',
      expect.stringContaining(join(name, 'tokenizer.json')),
    ]);
  }
});

test('a tokenizer larger than the embedding', () => {
  const { mistral } = tokenizers;
  expect(() => {
    checkVocabulary(mistral, 32000, 'm');
    checkVocabulary(mistral, 32064, 'm');
  }).not.toThrow();
  const error = userErrorOf(() => {
    checkVocabulary(mistral, 31999, 'models/x');
  });
  expect(error.message).toMatch(/models\/x has 32000 tokens, .* 31999 rows/);
});

/** A folder with a tokenizer of a few letters, which writes others as bytes. */
function lettersWithBytes(rows: number): string {
  const bytes = { '<0xC3>': 3, '<0xA9>': 4, '<0x09>': 5 };
  const vocab = { '<unk>': 0, a: 1, b: 2, ...bytes };
  const token = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  folder.write(`letters-${rows}/config.json`, JSON.stringify({ vocab_size: rows }));
  folder.write(`letters-${rows}/tokenizer_config.json`, '{}');
  const json = {
    added_tokens: [
      { id: 0, content: '<unk>', ...token },
      { id: 6, content: '<image>', ...token },
    ],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] },
    model: { type: 'BPE', vocab, merges: [], unk_token: '<unk>', byte_fallback: true, fuse_unk: true },
  };
  return dirname(folder.write(`letters-${rows}/tokenizer.json`, JSON.stringify(json)));
}

test('a character is written as bytes where the vocabulary has these, whatever others it lacks', () => {
  const tokenizer = loadTokenizer(lettersWithBytes(7));
  expect(tokenizer.encode('aéb')).toEqual([1, 3, 4, 2]);
  expect(tokenizer.encode('aüb')).toEqual([1, 0, 2]);
});

test('a token for images has no id where the embedding has no row for it', () => {
  const [whole, text] = [loadTokenizer(lettersWithBytes(7)), loadTokenizer(lettersWithBytes(6))];
  expect([whole.vocabSize, text.vocabSize]).toEqual([7, 6]);
  expect(whole.encode('a<image>b')).toEqual([1, 6, 2]);
  expect(Math.max(...text.encode('a<image>b'))).toBeLessThan(6);
  expect(() => {
    checkVocabulary(text, 6, 'm');
  }).not.toThrow();
});
