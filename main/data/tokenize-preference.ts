// Preference example -> the token ids of prompt, chosen and rejected, as TRL's DPOTrainer prepares them, and cut to
// max_length.
import { isDeepStrictEqual } from 'node:util';
import { RowProblem } from './columns.ts';
import { PROMPT_CHANGES, commonPrefix, encodePrompt, encodeWritten } from './encode-written.ts';
import { cutPair, type PairIds } from './pair.ts';
import type { TextTokenizer } from './tokenizer.ts';
import type { TruncationMode } from './truncation.ts';
import type { AnsweredExample, PreferenceExample, TokenizedPair } from './types.ts';
import type { ExampleWriter } from './write-example.ts';

export type LengthSettings = {
  /** Of prompt and answer together. Null: pairs are never cut. */
  maxLength: number | null;
  /** Unset: keep_start. */
  truncationMode?: TruncationMode | undefined;
};

export type CutPreference = {
  pair: TokenizedPair;
  /** Tokens of prompt and longer answer before max_length. */
  fullLength: number;
  promptLength: number;
};

/** Throws RowProblem, TemplateRefusal (the row), UserError (the dataset and its settings do not go together). */
export function tokenizePreference(
  example: PreferenceExample,
  tokenizer: TextTokenizer,
  writer: ExampleWriter,
  note: (message: string) => void,
): PairIds {
  return example.kind === 'pair-tokens'
    ? checkedTokens(example, tokenizer)
    : tokenizePair(example, tokenizer, writer, note);
}

/** What max_length leaves of a pair. */
export function cutPreference(ids: PairIds, { maxLength, truncationMode }: LengthSettings): CutPreference {
  return {
    pair: cutPair(ids, maxLength, truncationMode),
    fullLength: ids.prompt.length + Math.max(ids.chosen.length, ids.rejected.length),
    promptLength: ids.prompt.length,
  };
}

/** The answers begin where the prompt alone and the prompt with either answer part. */
function tokenizePair(
  example: Extract<PreferenceExample, { kind: 'pair' }>,
  tokenizer: TextTokenizer,
  writer: ExampleWriter,
  note: (message: string) => void,
): PairIds {
  const [good, bad] = [writer.write(example.chosen, false), writer.write(example.rejected, false)];
  const prompt = encodePrompt(good.prompt ?? '', good.templated, tokenizer);
  const chosen = encodeWritten(good, tokenizer, note).inputIds;
  const rejected = encodeWritten(bad, tokenizer, note).inputIds;
  const common = Math.min(commonPrefix(prompt, chosen), commonPrefix(prompt, rejected));
  if (common < prompt.length) note(PROMPT_CHANGES);
  return { prompt: prompt.slice(0, common), chosen: chosen.slice(common), rejected: rejected.slice(common) };
}

function checkedTokens(
  example: Extract<PreferenceExample, { kind: 'pair-tokens' }>,
  tokenizer: TextTokenizer,
): PairIds {
  const { promptIds, chosenIds, rejectedIds } = example;
  for (const [name, ids] of Object.entries({
    prompt_ids: promptIds,
    chosen_ids: chosenIds,
    rejected_ids: rejectedIds,
  })) {
    const outside = ids.find((id) => id < 0 || id >= tokenizer.vocabSize);
    if (outside === undefined) continue;
    throw new RowProblem(
      `${name} holds ${String(outside)}; the tokenizer has ids 0 to ${String(tokenizer.vocabSize - 1)}`,
    );
  }
  return { prompt: promptIds, chosen: chosenIds, rejected: rejectedIds };
}

/** Which answers are blank: nothing can be learned from such a pair. */
export function emptyAnswers(example: PreferenceExample): ('chosen' | 'rejected')[] {
  const blank = (side: 'chosen' | 'rejected') =>
    example.kind === 'pair-tokens' ? example[`${side}Ids`].length === 0 : isBlank(example[side]);
  return (['chosen', 'rejected'] as const).filter(blank);
}

function isBlank(answered: AnsweredExample): boolean {
  const answer = answerOf(answered);
  if (typeof answer === 'string') return answer.trim() === '';
  return answer.every((message) => message.content.trim() === '' && !('tool_calls' in message));
}

export function hasIdenticalAnswers(example: PreferenceExample): boolean {
  return example.kind === 'pair-tokens'
    ? isDeepStrictEqual(example.chosenIds, example.rejectedIds)
    : isDeepStrictEqual(answerOf(example.chosen), answerOf(example.rejected));
}

function answerOf(answered: AnsweredExample) {
  return answered.kind === 'instruction' ? answered.output : answered.completion;
}
