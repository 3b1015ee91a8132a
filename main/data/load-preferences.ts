// Preference pairs from end to end: files -> rows -> pairs of answers -> tokens on disk, with a report of everything
// found. Pairs from which nothing can be learned are left out and counted.
import { detectPreferenceShape } from './detect-shape.ts';
import { cutTooShort, loadRows, type Loaded, type LoadHooks, type SourceOptions } from './load-rows.ts';
import type { LeftOut, RowKind } from './row-kind.ts';
import { pairCounts, type PairIds } from './pair.ts';
import {
  openPairStore,
  packPair,
  packWholePair,
  pairStoreWriter,
  type PlacedPairs,
  unpackWholePair,
} from './pair-store.ts';
import {
  cutPreference,
  type CutPreference,
  emptyAnswers,
  hasIdenticalAnswers,
  tokenizePreference,
  type LengthSettings,
} from './tokenize-preference.ts';
import type { TextTokenizer } from './tokenizer.ts';
import type { PreferenceExample, TokenizedPair } from './types.ts';

/** Names follow the recipe, which is TRL's. */
export type PreferenceOptions = Omit<SourceOptions, 'datasetTextField'> & LengthSettings;

/**
 * Throws UserError for files that cannot be used and for datasets of which nothing is left
 * (dataset-nothing-to-train, dataset-too-many-invalid-rows); otherwise bad pairs are in the report.
 */
export function loadPreferences(
  options: PreferenceOptions,
  tokenizer: TextTokenizer,
  hooks: LoadHooks = {},
): Promise<Loaded<PlacedPairs>> {
  return loadRows(preferencePairs(options), { ...options, datasetTextField: 'text' }, tokenizer, hooks);
}

function preferencePairs(options: PreferenceOptions): RowKind<PreferenceExample, PairIds, PlacedPairs> {
  const { maxLength, truncationMode = 'keep_start' } = options;
  return {
    name: 'pairs',
    settings: {},
    cutting: { maxLength, truncationMode },
    findShape: detectPreferenceShape,
    createStore: pairStoreWriter,
    openStore: openPairStore,
    tokenize: (example, { tokenizer, writer, note }) =>
      uselessPair(example) ?? tokenizePreference(example, tokenizer, writer, note),
    cut(ids) {
      const row = cutPreference(ids, options);
      const { pair, fullLength } = row;
      const cut = maxLength !== null && fullLength > maxLength;
      const truncation = cut
        ? `${String(fullLength)} tokens with the longer answer, cut to ${String(maxLength)}`
        : undefined;
      const { tokens, chosenTrained, rejectedTrained } = pairCounts(pair);
      if (chosenTrained === 0 || rejectedTrained === 0) {
        return { kind: 'no-trained-token', message: untrainedReason(row, maxLength), truncation, fullLength };
      }
      if (sameIds(pair)) {
        const message = cut ? 'the two answers are the same within max_length' : 'the two answers have the same tokens';
        return { kind: 'identical', message, truncation, fullLength };
      }
      return { ...packPair(pair), fullLength, tokens, trainedTokens: chosenTrained + rejectedTrained, truncation };
    },
    whole: { numbersPerRow: 3, pack: packWholePair, unpack: unpackWholePair },
    advice: (report) =>
      cutTooShort(report)
        ? `Raise max_length (now ${String(maxLength)}), shorten the prompts, or set truncation_mode: keep_end.`
        : 'Check that the better and the worse answer are in the columns that are read, or map them: ' +
          'columns: {prompt: …, chosen: …, rejected: …}.',
  };
}

function uselessPair(example: PreferenceExample): LeftOut | undefined {
  const empty = emptyAnswers(example);
  if (empty.length > 0) {
    const which = empty.length === 2 ? 'both answers are' : `the ${empty[0] ?? ''} answer is`;
    return { kind: 'empty', message: `${which} empty` };
  }
  return hasIdenticalAnswers(example) ? { kind: 'identical', message: 'the two answers are the same' } : undefined;
}

function untrainedReason({ fullLength, promptLength }: CutPreference, maxLength: number | null): string {
  return maxLength !== null && fullLength > maxLength
    ? `no token of an answer is left within max_length ${String(maxLength)}: the prompt alone has ${String(promptLength)} tokens`
    : 'an answer is one token with nothing before it, so there is nothing to predict it from';
}

function sameIds({ chosenIds, rejectedIds, chosenCut, rejectedCut }: TokenizedPair): boolean {
  return (
    chosenCut === rejectedCut &&
    chosenIds.length === rejectedIds.length &&
    chosenIds.every((id, i) => id === rejectedIds[i])
  );
}
