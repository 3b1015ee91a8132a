// SentencePiece-like BPE tokenizers (Llama 2, Mistral) take a whole text as one word, which is slow. Where no token of
// the vocabulary reaches over the start of a word, cutting the text there first gives the same ids many times faster,
// because words repeat.
import { isRecord } from './readers/reader.ts';

/** Runs of the space mark stay together, and with the word that follows. */
const WORDS = '▁*[^▁]+|▁+';

/** The tokenizer.json with a pre-tokenizer that cuts at spaces, or as it was where that could change ids. */
export function cutAtSpaces(json: Record<string, unknown>): Record<string, unknown> {
  const { model, pre_tokenizer: preTokenizer, normalizer } = json;
  if (preTokenizer !== null || !isRecord(model) || !isRecord(model.vocab)) return json;
  const marksSpaces = JSON.stringify(normalizer ?? null).includes('▁');
  const isBpe = model.type === 'BPE' || Array.isArray(model.merges);
  if (!isBpe || !marksSpaces || Object.keys(model.vocab).some((token) => /[^▁]▁/.test(token))) return json;
  return {
    ...json,
    pre_tokenizer: { type: 'Split', pattern: { Regex: WORDS }, behavior: 'Isolated', invert: false },
  };
}
