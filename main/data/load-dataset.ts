// Rows for fine-tuning from end to end: files -> rows -> examples -> tokens on disk, with a report of everything found.
import { detectShape } from './detect-shape.ts';
import { cutTooShort, loadRows, type Loaded, type LoadHooks, type SourceOptions } from './load-rows.ts';
import type { RowKind } from './row-kind.ts';
import { cutRow, tokenizeExample, type LossSettings, type TokenizedRow, type WholeRow } from './tokenize-example.ts';
import { openTokenStore, packRow, tokenStoreWriter, unpackRow, type PlacedDataset } from './token-store.ts';
import type { TextTokenizer } from './tokenizer.ts';
import type { Example, Message } from './types.ts';

export type { LoadHooks } from './load-rows.ts';
export type { DataReport } from './report.ts';

/** Names follow the recipe, which is TRL's. */
export type DataOptions = SourceOptions & LossSettings;

/**
 * Throws UserError for files that cannot be used and for datasets of which nothing is left
 * (dataset-nothing-to-train, dataset-too-many-invalid-rows); otherwise bad rows are in the report.
 */
export function loadDataset(
  options: DataOptions,
  tokenizer: TextTokenizer,
  hooks: LoadHooks = {},
): Promise<Loaded<PlacedDataset>> {
  return loadRows(fineTuningRows(options), options, tokenizer, hooks);
}

function fineTuningRows(options: DataOptions): RowKind<Example, WholeRow, PlacedDataset> {
  const { completionOnlyLoss, assistantOnlyLoss, maxLength, truncationMode = 'keep_start' } = options;
  return {
    name: 'tokens',
    settings: { completionOnlyLoss, assistantOnlyLoss },
    cutting: { maxLength, truncationMode },
    findShape: detectShape,
    createStore: tokenStoreWriter,
    openStore: openTokenStore,
    tokenize: (example, { tokenizer, writer, note }) =>
      isEmpty(example)
        ? { kind: 'empty', message: emptyReason(example) }
        : tokenizeExample(example, tokenizer, writer, options, note),
    cut(whole) {
      const row = cutRow(whole, options);
      const { inputIds, trained, fullLength } = row;
      const truncation =
        fullLength > inputIds.length ? `${String(fullLength)} tokens, cut to ${String(inputIds.length)}` : undefined;
      const trainedTokens = trained.reduce((sum, bit) => sum + bit, 0);
      if (trainedTokens === 0) {
        return { kind: 'no-trained-token', message: untrainedReason(row, options), truncation, fullLength };
      }
      return {
        words: packRow(inputIds, trained),
        numbers: [trainedTokens],
        fullLength,
        tokens: inputIds.length,
        trainedTokens,
        truncation,
      };
    },
    whole: {
      numbersPerRow: 0,
      pack: ({ inputIds, trained }) => ({ words: packRow(inputIds, trained), numbers: [] }),
      unpack: (words) => unpackRow(words),
    },
    advice: (report) =>
      cutTooShort(report)
        ? `Raise max_length (now ${String(maxLength)}), or shorten the prompts.`
        : assistantOnlyLoss
          ? 'assistant_only_loss trains assistant messages only: check the roles in the file.'
          : 'Check that the answers are in the columns that are read, and look at the rows token by token.',
  };
}

function isEmpty(example: Example): boolean {
  const blank = (said: string | Message[]) =>
    typeof said === 'string'
      ? said.trim() === ''
      : said.every((message) => message.content.trim() === '' && !('tool_calls' in message));
  switch (example.kind) {
    case 'text':
      return blank(example.text);
    case 'messages':
      return blank(example.messages);
    case 'instruction':
      return blank(example.output);
    case 'prompt-completion':
      return blank(example.completion);
    case 'tokens':
      return example.inputIds.length === 0;
  }
}

function emptyReason(example: Example): string {
  if (example.kind === 'instruction' || example.kind === 'prompt-completion') return 'the answer is empty';
  return example.kind === 'messages' ? 'the conversation is empty' : 'the text is empty';
}

function untrainedReason(row: TokenizedRow, { truncationMode }: DataOptions): string {
  const kept = `${truncationMode === 'keep_end' ? 'last' : 'first'} ${String(row.inputIds.length)}`;
  return row.fullLength > row.inputIds.length
    ? `nothing to train within max_length: its ${kept} of ${String(row.fullLength)} tokens are all prompt`
    : 'no token of the row is trained';
}
