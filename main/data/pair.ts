// The two token sequences of a preference pair: how max_length cuts them, and what the model reads and is trained on.
import { keptRange, type TruncationMode } from './truncation.ts';
import type { TokenizedExample, TokenizedPair } from './types.ts';

/** Ids of a pair before max_length. */
export type PairIds = { prompt: number[]; chosen: number[]; rejected: number[] };

/**
 * Each sequence, prompt and answer, is cut on its own, as TRL's DataCollatorForPreference does. keep_end takes from the
 * prompt first, and from the prompt of the longer answer more.
 */
export function cutPair(ids: PairIds, maxLength: number | null, mode: TruncationMode | undefined): TokenizedPair {
  const { prompt, chosen, rejected } = ids;
  const cut = (answer: number[]) => {
    const { start, end } = keptRange(prompt.length + answer.length, maxLength, mode);
    const from = Math.max(0, start - prompt.length);
    return { before: Math.min(start, prompt.length), answer: answer.slice(from, Math.max(from, end - prompt.length)) };
  };
  const [good, bad] = [cut(chosen), cut(rejected)];
  const first = Math.min(good.before, bad.before);
  return {
    promptIds: Int32Array.from(prompt.slice(first, mode === 'keep_end' ? undefined : (maxLength ?? undefined))),
    chosenIds: Int32Array.from(good.answer),
    rejectedIds: Int32Array.from(bad.answer),
    chosenCut: good.before - first,
    rejectedCut: bad.before - first,
  };
}

/** What the model reads of a pair. The answers are trained, except a token with nothing before it. */
export function pairSequences(pair: TokenizedPair): { chosen: TokenizedExample; rejected: TokenizedExample } {
  const sequence = (answer: Int32Array, cut: number): TokenizedExample => {
    const prompt = pair.promptIds.subarray(cut);
    const inputIds = new Int32Array(prompt.length + answer.length);
    inputIds.set(prompt);
    inputIds.set(answer, prompt.length);
    const trained = new Uint8Array(inputIds.length).fill(1, Math.max(1, prompt.length));
    return { inputIds, trained };
  };
  return {
    chosen: sequence(pair.chosenIds, pair.chosenCut),
    rejected: sequence(pair.rejectedIds, pair.rejectedCut),
  };
}

/** Tokens of both sequences, and how many of each are trained. */
export function pairCounts(pair: TokenizedPair): { tokens: number; chosenTrained: number; rejectedTrained: number } {
  const side = (answer: Int32Array, cut: number) => {
    const prompt = pair.promptIds.length - cut;
    return { tokens: prompt + answer.length, trained: Math.max(0, answer.length - (prompt === 0 ? 1 : 0)) };
  };
  const chosen = side(pair.chosenIds, pair.chosenCut);
  const rejected = side(pair.rejectedIds, pair.rejectedCut);
  return {
    tokens: chosen.tokens + rejected.tokens,
    chosenTrained: chosen.trained,
    rejectedTrained: rejected.trained,
  };
}
