// A tokenizer for the goldens' models, which have none: each of 64 tokens is a letter.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const letter = (id: number): string => String.fromCodePoint(0x100 + id);
export const idOf = (letter: string): number => (letter.codePointAt(0) ?? 0) - 0x100;

/** Writes its files as the tokenizers library reads them. */
export function writeLetters(folder: string): void {
  const vocab = Object.fromEntries(Array.from({ length: 64 }, (_, id) => [letter(id), id]));
  const model = { type: 'BPE', vocab, merges: [], unk_token: null, fuse_unk: false, byte_fallback: false };
  const pipeline = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: { type: 'Fuse' } };
  const json = { version: '1.0', truncation: null, padding: null, added_tokens: [], model, ...pipeline };
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json));
  const config = { tokenizer_class: 'PreTrainedTokenizerFast', clean_up_tokenization_spaces: false };
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
}
