// What `lorelei preview` shows: some rows token by token, with what is trained marked, and the report on the whole
// dataset. Plain data here; preview-text.ts writes it for a terminal.
import { loadDataset, type DataOptions, type LoadHooks } from './load-dataset.ts';
import { loadPreferences, type PreferenceOptions } from './load-preferences.ts';
import { pairCounts, pairSequences } from './pair.ts';
import type { DataReport } from './report.ts';
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

export type Preview = { rows: PreviewRow[]; report: DataReport };

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

export type PairPreview = { rows: PairPreviewRow[]; report: DataReport };

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
    const rows: PreviewRow[] = [];
    for (let i = 0; i < Math.min(wanted, dataset.length); i++) {
      const { inputIds, trained } = dataset.read(i);
      rows.push({ ...dataset.place(i), ...showPart(inputIds, trained, tokenizer, maxTokens) });
    }
    return { rows, report };
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
    const rows: PairPreviewRow[] = [];
    for (let i = 0; i < Math.min(wanted, dataset.length); i++) {
      const pair = dataset.read(i);
      const { tokens, chosenTrained, rejectedTrained } = pairCounts(pair);
      const { chosen, rejected } = pairSequences(pair);
      const show = (ids: Int32Array, trained: Uint8Array) => showPart(ids, trained, tokenizer, maxTokens);
      // Of a sequence, its end is the answer.
      const trainedOf = (answer: Int32Array, sequence: { trained: Uint8Array }) =>
        sequence.trained.subarray(sequence.trained.length - answer.length);
      rows.push({
        ...dataset.place(i),
        prompt: show(pair.promptIds, new Uint8Array(pair.promptIds.length)),
        chosen: show(pair.chosenIds, trainedOf(pair.chosenIds, chosen)),
        rejected: show(pair.rejectedIds, trainedOf(pair.rejectedIds, rejected)),
        tokenCount: tokens,
        trainedCount: chosenTrained + rejectedTrained,
      });
    }
    return { rows, report };
  } finally {
    dataset.close();
  }
}

function showPart(ids: Int32Array, trained: Uint8Array, tokenizer: TextTokenizer, maxTokens: number): PreviewPart {
  const all = Array.from(ids, (id, t): PreviewToken => {
    return { id, text: tokenizer.piece(id), trained: trained[t] === 1, special: tokenizer.isSpecial(id) };
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
