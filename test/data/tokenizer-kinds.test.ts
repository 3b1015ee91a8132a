// Ids and decoded texts of the kinds of tokenizers that families have, against Hugging Face's tokenizers
// (test/parity/tokenizer_kinds_goldens.py).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TextTokenizer } from '../../main/data/tokenizer.ts';
import { goldensFolder } from '../support/goldens.ts';

type Golden = {
  json: Record<string, unknown>;
  texts: { text: string; plain: number[]; ids: number[]; decoded: string }[];
};

const fallsBack = ({ model }: Golden['json']): boolean => (model as { byte_fallback?: unknown }).byte_fallback === true;

const folder = join(goldensFolder, 'tokenizer-kinds');

describe.each(readdirSync(folder).map((file) => file.replace('.json', '')))('%s', (kind) => {
  const { json, texts } = JSON.parse(readFileSync(join(folder, `${kind}.json`), 'utf8')) as Golden;
  const tokenizer = new TextTokenizer({ folder: kind, source: JSON.stringify(json), json, config: {} });

  test.each(texts)('$text', ({ text, plain, ids, decoded }) => {
    expect(tokenizer.encode(text, { specialTokens: false })).toEqual(plain);
    // Python's ByteLevel takes the letters of an added token for bytes.
    if (decoded.includes('\uFFFD')) return;
    // The library drops U+FEFF where it decodes bytes one token each.
    expect(tokenizer.decode(ids)).toBe(fallsBack(json) ? decoded.replaceAll('\uFEFF', '') : decoded);
  });
});
