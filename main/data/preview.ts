// What `lorelei preview` shows: some rows token by token, with what is trained marked, and the report on the whole
// dataset. Plain data here; preview-text.ts writes it for a terminal.
import { loadDataset, type DataOptions, type LoadHooks } from './load-dataset.ts';
import { loadPreferences, type PreferenceOptions } from './load-preferences.ts';
import { pairCounts, pairSequences } from './pair.ts';
import type { PlacedPairs } from './pair-store.ts';
import { pairSizes, type RowSizes, rowSizes } from './row-sizes.ts';
import type { DataReport } from './report.ts';
import type { PlacedDataset } from './token-store.ts';
import type { TextTokenizer } from './tokenizer.ts';

export type PreviewToken = { id: number; text: string; trained: boolean; special: boolean };

/** Some tokens in a row, shown whole or from both ends. */
export type PreviewPart = {
  tokens: PreviewToken[];
  tokenCount: number;
  trainedCount: number;
  /** Tokens in the middle that are not among `tokens`. */
  leftOut: number;
};

export type PreviewRow = PreviewPart & { file: string; line: number };

export type Preview = { rows: PreviewRow[]; report: DataReport; sizes: RowSizes };

export type PairPreviewRow = {
  file: string;
  line: number;
  prompt: PreviewPart;
  chosen: PreviewPart;
  rejected: PreviewPart;
  /** Of both sequences that the model reads: the prompt counts twice. */
  tokenCount: number;
  trainedCount: number;
};

export type PairPreview = { rows: PairPreviewRow[]; report: DataReport; sizes: RowSizes };

export type PreviewOptions = {
  /** Rows to show; default 5. */
  rows?: number;
  /** Tokens of a row (or of a part of a pair) to show; of longer ones the beginning and the end. Default 512. */
  maxTokens?: number;
};

/** Tokenizes the whole dataset, which training then finds in the cache. Throws the UserErrors of loadDataset. */
export async function previewDataset(
  data: DataOptions,
  tokenizer: TextTokenizer,
  options: PreviewOptions = {},
  hooks: LoadHooks = {},
): Promise<Preview> {
  const { rows: wanted = 5, maxTokens = 512 } = options;
  const { dataset, report } = await loadDataset(data, tokenizer, hooks);
  try {
    const rows = firstOf(dataset, wanted, (i) => previewRow(dataset, i, tokenizer, maxTokens));
    return { rows, report, sizes: rowSizes(dataset) };
  } finally {
    dataset.close();
  }
}

/** The same for preference pairs. Throws the UserErrors of loadPreferences. */
export async function previewPreferences(
  data: PreferenceOptions,
  tokenizer: TextTokenizer,
  options: PreviewOptions = {},
  hooks: LoadHooks = {},
): Promise<PairPreview> {
  const { rows: wanted = 5, maxTokens = 512 } = options;
  const { dataset, report } = await loadPreferences(data, tokenizer, hooks);
  try {
    const rows = firstOf(dataset, wanted, (i) => previewPair(dataset, i, tokenizer, maxTokens));
    return { rows, report, sizes: pairSizes(dataset) };
  } finally {
    dataset.close();
  }
}

function firstOf<Row>(dataset: { length: number }, wanted: number, show: (i: number) => Row): Row[] {
  return Array.from({ length: Math.min(wanted, dataset.length) }, (_, i) => show(i));
}

/** How single tokens are shown: a tokenizer, or what is kept of one. */
export type TokenPieces = Pick<TextTokenizer, 'piece' | 'isSpecial'>;

export function previewRow(dataset: PlacedDataset, i: number, pieces: TokenPieces, maxTokens: number): PreviewRow {
  const { inputIds, trained } = dataset.read(i);
  return { ...dataset.place(i), ...showPart(inputIds, trained, pieces, maxTokens) };
}

export function previewPair(dataset: PlacedPairs, i: number, pieces: TokenPieces, maxTokens: number): PairPreviewRow {
  const pair = dataset.read(i);
  const { tokens, chosenTrained, rejectedTrained } = pairCounts(pair);
  const { chosen, rejected } = pairSequences(pair);
  const show = (ids: Int32Array, trained: Uint8Array) => showPart(ids, trained, pieces, maxTokens);
  // Of a sequence, its end is the answer.
  const trainedOf = (answer: Int32Array, sequence: { trained: Uint8Array }) =>
    sequence.trained.subarray(sequence.trained.length - answer.length);
  return {
    ...dataset.place(i),
    prompt: show(pair.promptIds, new Uint8Array(pair.promptIds.length)),
    chosen: show(pair.chosenIds, trainedOf(pair.chosenIds, chosen)),
    rejected: show(pair.rejectedIds, trainedOf(pair.rejectedIds, rejected)),
    tokenCount: tokens,
    trainedCount: chosenTrained + rejectedTrained,
  };
}

function showPart(ids: Int32Array, trained: Uint8Array, pieces: TokenPieces, maxTokens: number): PreviewPart {
  const all = Array.from(ids, (id, t): PreviewToken => {
    return { id, text: pieces.piece(id), trained: trained[t] === 1, special: pieces.isSpecial(id) };
  });
  const leftOut = Math.max(0, all.length - maxTokens);
  const half = maxTokens >> 1;
  return {
    tokens: leftOut > 0 ? [...all.slice(0, half), ...all.slice(half + leftOut)] : all,
    tokenCount: all.length,
    trainedCount: trained.reduce((sum, bit) => sum + bit, 0),
    leftOut,
  };
}
