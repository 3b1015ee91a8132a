// What `lorelei preview` shows: some rows token by token, with what is trained marked, and the report on the whole
// dataset. Plain data here; preview-text.ts writes it for a terminal.
import { loadDataset, type DataOptions, type LoadHooks } from './load-dataset.ts';
import type { DataReport } from './report.ts';
import type { TextTokenizer } from './tokenizer.ts';

export type PreviewToken = { id: number; text: string; trained: boolean; special: boolean };

export type PreviewRow = {
  file: string;
  line: number;
  tokens: PreviewToken[];
  tokenCount: number;
  trainedCount: number;
  /** Tokens in the middle that are not among `tokens`. */
  leftOut: number;
};

export type Preview = { rows: PreviewRow[]; report: DataReport };

export type PreviewOptions = {
  /** Rows to show; default 5. */
  rows?: number;
  /** Tokens of a row to show; of longer ones the beginning and the end. Default 512. */
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
      const all = Array.from(inputIds, (id, t): PreviewToken => {
        return { id, text: tokenizer.piece(id), trained: trained[t] === 1, special: tokenizer.isSpecial(id) };
      });
      const leftOut = Math.max(0, all.length - maxTokens);
      const half = maxTokens >> 1;
      const tokens = leftOut > 0 ? [...all.slice(0, half), ...all.slice(half + leftOut)] : all;
      rows.push({
        ...dataset.place(i),
        tokens,
        tokenCount: all.length,
        trainedCount: dataset.trainedCount(i),
        leftOut,
      });
    }
    return { rows, report };
  } finally {
    dataset.close();
  }
}
