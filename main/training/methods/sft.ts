// Supervised fine-tuning: each label of a step weighs the same, however the step is cut into micro-batches.
import { labelCount } from '../../data/batches.ts';
import { layOut } from '../../data/forest.ts';
import { type DataOptions, loadDataset } from '../../data/load-dataset.ts';
import { packRows } from '../../data/packing.ts';
import { binsOfSharedPrefixes } from '../../data/shared-prefixes.ts';
import { splitDataset } from '../../data/split-dataset.ts';
import type { Batch, TokenizedDataset, TokenizedExample } from '../../data/types.ts';
import type { SftRecipe } from '../../recipe/sft-recipe.ts';
import { scoreColumns } from '../build-step.ts';
import type { BatchResult } from '../stepper.ts';
import type { LoadedMethod, MethodContext, Rows } from './method.ts';
import { objectiveOf } from './objectives.ts';
import { readRows, type RowSource } from './read-rows.ts';

export async function loadSft(recipe: SftRecipe, context: MethodContext): Promise<LoadedMethod> {
  const evalPacking = recipe.eval_packing ?? recipe.packing;
  const packed = { training: recipe.packing, evaluation: evalPacking };
  const source: RowSource<TokenizedDataset> = {
    name: 'rows',
    load: (files, which, hooks) =>
      loadDataset(sftDataOptions(recipe, files, context.cacheDir, packed[which]), context.tokenizer, hooks),
    split: splitDataset,
  };
  const { train, evaluation, report } = await readRows(recipe, source, context);
  const rows = {
    train: rowsOf(train, recipe, recipe.packing),
    evaluation: evaluation && rowsOf(evaluation, recipe, evalPacking),
  };
  const longest = Math.max(longestOf(rows.train), longestOf(rows.evaluation));
  return {
    objective: objectiveOf(recipe),
    ...rows,
    report,
    longest,
    labelsOfBatch: (count) => count * longest,
    scales: (batches) => {
      const labels = batches.reduce((sum, batch) => sum + labelCount(batch), 0);
      return batches.map(() => 1 / Math.max(1, labels));
    },
    metrics: tokenMetrics,
  };
}

/** TRL's: means over the labels of the micro-batch. */
function tokenMetrics(batch: Batch, { scores }: BatchResult): { mean_token_accuracy: number; entropy: number } {
  const labels = Math.max(1, labelCount(batch));
  return {
    mean_token_accuracy: (scores[scoreColumns.hits] ?? 0) / labels,
    entropy: (scores[scoreColumns.entropy] ?? 0) / labels,
  };
}

/** How the data folder is asked for a recipe's rows. */
export function sftDataOptions(recipe: SftRecipe, files: string[], cacheDir: string, packed = false): DataOptions {
  return {
    files,
    ...(recipe.columns === undefined ? {} : { columns: recipe.columns }),
    datasetTextField: recipe.dataset_text_field,
    template: recipe.template,
    ...(recipe.completion_only_loss === undefined ? {} : { completionOnlyLoss: recipe.completion_only_loss }),
    assistantOnlyLoss: recipe.assistant_only_loss,
    // Packing that splits rows wants them whole.
    maxLength: packed && recipe.packing_strategy !== 'bfd' ? null : recipe.max_length,
    // As in TRL, whose packing cuts rows at their end.
    truncationMode: packed ? 'keep_start' : recipe.truncation_mode,
    ...(recipe.eos_token === undefined ? {} : { eosToken: recipe.eos_token }),
    cacheDir,
  };
}

/** A dataset's rows one by one, or packed. */
function rowsOf(dataset: TokenizedDataset, recipe: SftRecipe, packed: boolean): Rows {
  const most = recipe.max_length ?? Infinity;
  const lengths = Array.from({ length: dataset.length }, (_, i) => dataset.tokenCount(i));
  if (packed) {
    const bins = packRows(lengths, most, recipe.packing_strategy);
    return {
      length: bins.length,
      lengths: bins.map((bin) => bin.reduce((sum, piece) => sum + piece.length, 0)),
      batch: (rows) =>
        layOut(
          Array.from(rows, (bin) =>
            (bins[bin] ?? []).map(({ row, start, length }) => part(dataset, row, start, start + length)),
          ),
        ),
    };
  }
  return {
    length: dataset.length,
    lengths: lengths.map((length) => Math.min(length, most)),
    batch: (rows) => {
      const examples = Array.from(rows, (row) => part(dataset, row, 0, most));
      const bins = recipe.share_prefixes === 'auto' ? binsOfSharedPrefixes(examples) : undefined;
      return layOut(bins ?? examples.map((example) => [example]), { sharePrefixes: true, fillPadding: true });
    },
  };
}

function part(dataset: TokenizedDataset, row: number, start: number, end: number): TokenizedExample {
  const { inputIds, trained } = dataset.read(row);
  return { inputIds: inputIds.subarray(start, end), trained: trained.subarray(start, end) };
}

function longestOf(rows: Rows | undefined): number {
  return (rows?.lengths ?? []).reduce((most, length) => Math.max(most, length), 1);
}
