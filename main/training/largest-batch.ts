// The largest batches that a recipe's data may bring: of its largest rows, which need not be the same ones, so that it is
// never too small; where nothing is known of the data, of rows as long as max_length allows.
import type { RowSizes } from '../data/row-sizes.ts';
import { evaluates } from '../recipe/evaluation.ts';
import type { Recipe } from '../recipe/recipe.ts';

/** What a batch takes of memory follows from this. */
export type BatchShape = {
  /** Rows as they are laid out, and the tokens of each. */
  rows: number;
  length: number;
  labels: number;
  /** Pairs of answers, where there are any. */
  pairs: number;
};

/** Positions of the longest row, of a pair that of its longer answer. */
export function longestRow(recipe: Recipe, maxPositions: number, sizes: RowSizes | null): number {
  const most = recipe.max_length ?? maxPositions;
  if (sizes === null || sizes.rows === 0) return Math.max(1, most);
  // Packing fills rows as far as there is something to fill them with.
  const longest = isPacked(recipe) ? Math.max(sizes.longest, Math.ceil(sizes.mean * sizes.rows)) : sizes.longest;
  return Math.max(1, Math.min(most, longest));
}

/** A batch of so many rows or pairs, where there are as many. */
export function largestBatch(recipe: Recipe, most: number, longest: number, sizes: RowSizes | null): BatchShape {
  const rows = sizes === null || sizes.rows === 0 ? most : Math.min(most, sizes.rows);
  if (recipe.method === 'sft') {
    const labels = isPacked(recipe) ? longest : Math.min(longest, sizes?.mostLabels ?? longest);
    return { rows, length: longest, labels: rows * labels, pairs: 0 };
  }
  const { longest: joined = Infinity, shortestPrompt = 0 } = sizes?.joined ?? {};
  const both = Math.min(joined, 2 * longest - shortestPrompt);
  const answers = Math.min(sizes?.mostLabels ?? Infinity, 2 * (longest - shortestPrompt));
  // ORPO learns from the prompts as well.
  const labels = rows * (recipe.method === 'orpo' ? both : answers);
  // Both answers stand in one row, behind their prompt.
  if (recipe.share_prefixes === 'auto') return { rows, length: both, labels, pairs: rows };
  return { rows: 2 * rows, length: longest, labels, pairs: rows };
}

/** Labels for which the graphs of a run are cut: see methods/method.ts. */
export function labelsToCutFor(recipe: Recipe, rows: number, longest: number, sizes: RowSizes | null): number {
  if (recipe.method === 'sft') return rows * longest;
  const { labels } = largestBatch(recipe, 1, longest, sizes);
  return rows * labels;
}

/** A micro-batch as most of them are: rows of a usual length. Packed rows are full. */
export function usualBatch(
  recipe: Recipe,
  maxPositions: number,
  sizes: RowSizes | null,
): { rows: number; length: number; labels: number } {
  const rows = recipe.per_device_train_batch_size;
  const longest = longestRow(recipe, maxPositions, sizes);
  if (isPacked(recipe)) {
    const share = sizes === null ? 1 : sizes.meanLabels / Math.max(1, sizes.mean);
    return { rows, length: longest, labels: rows * longest * share };
  }
  const largest = largestBatch(recipe, rows, longest, sizes);
  if (sizes === null) return { rows: largest.rows, length: largest.length, labels: largest.labels };
  const isJoined = recipe.method !== 'sft' && recipe.share_prefixes === 'auto';
  const length = isJoined ? (sizes.joined?.mean ?? 2 * sizes.mean) : sizes.mean;
  return {
    rows: largest.rows,
    length: Math.min(largest.length, length),
    labels: Math.min(largest.labels, rows * sizes.meanLabels),
  };
}

export const hasEvaluationRows = (recipe: Recipe): boolean =>
  evaluates(recipe) && (recipe.eval_dataset_name !== undefined || recipe.test_split_size !== undefined);

/** Rows of the largest batch that is evaluated or that the reference is asked about; 0 where there is none. */
export function rowsWithoutGradients(recipe: Recipe): number {
  const evaluated = hasEvaluationRows(recipe) ? recipe.per_device_eval_batch_size : 0;
  if (recipe.method !== 'dpo') return evaluated;
  return Math.max(recipe.precompute_ref_batch_size ?? recipe.per_device_eval_batch_size, evaluated);
}

const isPacked = (recipe: Recipe): boolean => recipe.method === 'sft' && recipe.packing;
