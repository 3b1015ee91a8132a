// Writes a trained BPE as the tokenizer files of a Hugging Face model folder, with a ChatML chat template.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bpe } from './bpe.ts';

/** In id order, before the pieces. A turn begins with the first and ends with the second. */
export const specialTokens = ['<|im_start|>', '<|im_end|>', '<|pad|>'] as const;
export const specialIds = { start: 0, end: 1, pad: 2 } as const;

export const chatTemplate = [
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}",
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
].join('');

export function writeTokenizerFiles(folder: string, bpe: Bpe, maxLength: number): void {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, value: unknown): void => {
    writeFileSync(join(folder, name), `${JSON.stringify(value, null, 1)}\n`);
  };
  const [start, end, pad] = specialTokens;
  const addedTokens = specialTokens.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  write('tokenizer.json', {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel] },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries([...specialTokens, ...bpe.pieces].map((piece, id) => [piece, id])),
      merges: bpe.merges.map((pair) => pair.join(' ')),
    },
  });
  write('tokenizer_config.json', {
    tokenizer_class: 'PreTrainedTokenizerFast',
    add_bos_token: false,
    add_prefix_space: false,
    clean_up_tokenization_spaces: false,
    model_max_length: maxLength,
    bos_token: start,
    eos_token: end,
    pad_token: pad,
    chat_template: chatTemplate,
  });
  write('special_tokens_map.json', { bos_token: start, eos_token: end, pad_token: pad });
  write('generation_config.json', {
    bos_token_id: specialIds.start,
    eos_token_id: specialIds.end,
    pad_token_id: specialIds.pad,
  });
}
