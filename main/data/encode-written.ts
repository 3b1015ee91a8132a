// A written example as token ids, begun with BOS and closed with EOS where no chat template did that: once each, however
// the text begins and ends.
import type { TextTokenizer } from './tokenizer.ts';
import type { WrittenExample } from './write-example.ts';

export type EncodedExample = {
  inputIds: number[];
  /** The ids of the text alone, and how many tokens stand before them. */
  body: number[];
  offset: number;
};

export const PROMPT_CHANGES =
  'In some rows the tokens of the prompt change when the completion follows (a token reaches over the border, ' +
  'or the chat template writes the prompt alone differently). Training begins where they part, as in TRL.';

export function encodeWritten(
  written: WrittenExample,
  tokenizer: TextTokenizer,
  note: (message: string) => void,
): EncodedExample {
  const body = tokenizer.encode(written.text, { specialTokens: false });
  if (written.templated) return { inputIds: body, body, offset: 0 };
  const begun = tokenizer.begin(body);
  return { inputIds: closeRow(begun, tokenizer, note), body, offset: begun.length - body.length };
}

/** The prompt alone, as a model is asked. */
export function encodePrompt(prompt: string, templated: boolean, tokenizer: TextTokenizer): number[] {
  const body = tokenizer.encode(prompt, { specialTokens: false });
  return templated ? body : tokenizer.begin(body);
}

/** EOS once at the end, however the text ends. */
function closeRow(ids: number[], tokenizer: TextTokenizer, note: (message: string) => void): number[] {
  const eos = tokenizer.eosId;
  if (eos === undefined) {
    note('The tokenizer has no end-of-sequence token: the model will not learn where a text ends. Set eos_token.');
    return ids;
  }
  let end = ids.length;
  while (end > 0 && ids[end - 1] === eos) end--;
  return [...ids.slice(0, end), eos];
}

/** How many tokens two lists begin with in common. */
export function commonPrefix(a: number[], b: number[]): number {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return i;
}
