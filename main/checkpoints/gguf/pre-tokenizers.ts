// How texts are cut into words before byte-pair encoding, by the names that llama.cpp gave to the tokenizers of
// families (tokenizer.ggml.pre). In the words of tokenizer.json, as those families' own files have them.
import { ggufUnsupported } from './problems.ts';

export type PreTokenizer = {
  normalizer: Record<string, unknown> | null;
  preTokenizer: Record<string, unknown>;
  /** A word that is a token as a whole is taken as it is, whatever the merges say. */
  ignoreMerges: boolean;
  /** Whether llama.cpp begins texts with BOS where the file does not say. */
  addsBos: boolean;
};

const byteLevel = (withRegex: boolean): Record<string, unknown> => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: withRegex,
});
const split = (regex: string): Record<string, unknown> => ({
  type: 'Split',
  pattern: { Regex: regex },
  behavior: 'Isolated',
  invert: false,
});
const sequence = (...pretokenizers: Record<string, unknown>[]): Record<string, unknown> => ({
  type: 'Sequence',
  pretokenizers,
});

const gpt4Words = (digits: string): string =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const anyCase = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
/** GPT-4o's: a word ends before a capital that follows small letters, and an English ending belongs to it. */
const gpt4oWords = (ending: string, digits: string): string =>
  `[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+${ending}|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*${ending}|\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** Words by a pattern, and those in bytes. */
const words = (pattern: string): Record<string, unknown> => sequence(split(pattern), byteLevel(false));

const plain = { normalizer: null, ignoreMerges: false, addsBos: false };
const gpt2 = { ...plain, preTokenizer: byteLevel(true) };
const llama3 = { ...plain, preTokenizer: words(gpt4Words('{1,3}')), ignoreMerges: true, addsBos: true };
const gpt4 = { ...plain, preTokenizer: words(gpt4Words('{1,3}')) };
const gpt4o = { ...plain, preTokenizer: words(gpt4oWords(anyCase, '{1,3}')) };
/** Mistral's since Nemo: no endings, every digit a word. */
const tekken = { ...plain, preTokenizer: words(gpt4oWords('', '')), ignoreMerges: true, addsBos: true };
const qwen2 = { ...plain, normalizer: { type: 'NFC' }, preTokenizer: words(gpt4Words('')) };
/** GPT-2's, every digit a word. */
const starcoder = { ...plain, preTokenizer: sequence({ type: 'Digits', individual_digits: true }, byteLevel(true)) };

const preTokenizers: Readonly<Record<string, PreTokenizer>> = {
  'gpt-2': gpt2,
  olmo: gpt2,
  'llama-bpe': llama3,
  llama3,
  'llama-v3': llama3,
  dbrx: gpt4,
  'smaug-bpe': gpt4,
  'gpt-4o': gpt4o,
  tekken,
  qwen2,
  // Qwen's, made anew by DeepSeek; llama.cpp reads it in the same way.
  'deepseek-r1-qwen': { ...qwen2, normalizer: null },
  smollm: starcoder,
  starcoder,
  refact: starcoder,
};

/** @throws UserError "gguf-unsupported" for one that is not known: another would give other tokens without a word */
export function preTokenizerNamed(name: string | undefined, path: string): PreTokenizer {
  const found = name === undefined ? undefined : preTokenizers[name];
  if (found && name !== undefined && Object.hasOwn(preTokenizers, name)) return found;
  throw ggufUnsupported(
    path,
    name === undefined
      ? 'it does not say how its tokenizer cuts texts into words (tokenizer.ggml.pre)'
      : `its tokenizer cuts texts into words in the way ${JSON.stringify(name)}, which is not known; known are ${Object.keys(preTokenizers).join(', ')}`,
    name === undefined
      ? 'Take a newer file of the model: those made since May 2024 say it.'
      : 'Use the original model that it was made from, with its tokenizer.json.',
  );
}
