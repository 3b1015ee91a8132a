// The largest and the usual batch of a recipe, worked out by hand from the sizes of its rows.
import { expect, test } from 'vitest';
import { parseRecipe } from '../../main/recipe/parse.ts';
import type { Method, Recipe } from '../../main/recipe/recipe.ts';
import { largestBatch, longestRow, rowsWithoutGradients, usualBatch } from '../../main/training/largest-batch.ts';

const recipeOf = (method: Method, keys: Record<string, unknown> = {}): Recipe =>
  parseRecipe<Method>(method, { model_name_or_path: 'm', dataset_name: 'd', use_peft: true, ...keys }).recipe;
const rows = { rows: 100, mean: 50, longest: 200, meanLabels: 20, mostLabels: 80 };
const pairs = {
  ...{ rows: 100, mean: 60, longest: 150, meanLabels: 50, mostLabels: 180 },
  joined: { mean: 80, longest: 220, shortestPrompt: 10 },
};
const batchOf = (recipe: Recipe, sizes: typeof rows | null, count = 2) =>
  largestBatch(recipe, count, longestRow(recipe, 4096, sizes), sizes);

test('rows are as long as the longest, or as max_length allows; labels as many as the row with the most has', () => {
  expect(batchOf(recipeOf('sft'), rows)).toEqual({ rows: 2, length: 200, labels: 160, pairs: 0 });
  expect(batchOf(recipeOf('sft', { max_length: 64 }), rows)).toEqual({ rows: 2, length: 64, labels: 128, pairs: 0 });
  expect(batchOf(recipeOf('sft', { max_length: 64 }), null)).toEqual({ rows: 2, length: 64, labels: 128, pairs: 0 });
});

test('a batch has no more rows than there are', () => {
  expect(batchOf(recipeOf('sft'), { ...rows, rows: 3 }, 8)).toEqual({ rows: 3, length: 200, labels: 240, pairs: 0 });
});

test('packed rows are filled up, as far as there is data', () => {
  const packed = recipeOf('sft', { packing: true, max_length: 1000 });
  expect(batchOf(packed, rows)).toEqual({ rows: 2, length: 1000, labels: 2000, pairs: 0 });
  expect(longestRow(packed, 4096, { ...rows, rows: 7 })).toBe(350);
  // 20 of 50 tokens have labels.
  expect(
    usualBatch(recipeOf('sft', { packing: true, max_length: 1000, per_device_train_batch_size: 1 }), 4096, rows),
  ).toEqual({
    ...{ rows: 1, length: 1000, labels: 400 },
  });
});

test('both answers of a pair stand behind their prompt, or each in a row of its own', () => {
  expect(batchOf(recipeOf('dpo'), pairs)).toEqual({ rows: 2, length: 220, labels: 360, pairs: 2 });
  expect(batchOf(recipeOf('dpo', { share_prefixes: 'off' }), pairs)).toEqual({
    ...{ rows: 4, length: 150, labels: 360, pairs: 2 },
  });
  // Cut to 100 tokens, the answers behind the shortest prompt have 90 each.
  expect(batchOf(recipeOf('dpo', { max_length: 100 }), pairs)).toEqual({ rows: 2, length: 190, labels: 360, pairs: 2 });
  expect(batchOf(recipeOf('orpo'), pairs)).toMatchObject({ labels: 440 });
  expect(batchOf(recipeOf('dpo', { max_length: 100 }), null)).toEqual({ rows: 2, length: 200, labels: 400, pairs: 2 });
});

test('the usual batch has rows of the mean', () => {
  const keys = { per_device_train_batch_size: 2 };
  expect(usualBatch(recipeOf('sft', keys), 4096, rows)).toEqual({ rows: 2, length: 50, labels: 40 });
  expect(usualBatch(recipeOf('dpo', keys), 4096, pairs)).toEqual({ rows: 2, length: 80, labels: 100 });
  expect(usualBatch(recipeOf('dpo', { ...keys, share_prefixes: 'off' }), 4096, pairs)).toEqual({
    ...{ rows: 4, length: 60, labels: 100 },
  });
});

test('batches without gradients are those of evaluations and of the reference', () => {
  expect(rowsWithoutGradients(recipeOf('sft'))).toBe(0);
  const evaluating = { eval_strategy: 'epoch', test_split_size: 0.1, per_device_eval_batch_size: 4 };
  expect(rowsWithoutGradients(recipeOf('sft', evaluating))).toBe(4);
  expect(rowsWithoutGradients(recipeOf('dpo', { precompute_ref_batch_size: 3 }))).toBe(3);
  expect(rowsWithoutGradients(recipeOf('dpo', { ...evaluating, precompute_ref_batch_size: 3 }))).toBe(4);
});
