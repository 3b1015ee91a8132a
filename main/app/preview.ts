// What a recipe would train on, token by token, without training.
import { previewDataset, type Preview } from '../data/preview.ts';
import { loadTokenizer, type TextTokenizer } from '../data/tokenizer.ts';
import { UserError } from '../errors.ts';
import { parseRecipe } from '../recipe/parse.ts';
import type { Method, Recipe } from '../recipe/recipe.ts';
import { dataOptions } from '../training/prepare.ts';
import type { App } from './app.ts';
import { type Chain, chainRuns } from './chain-runs.ts';
import { resolveRecipe } from './resolve-recipe.ts';

export type PreviewRequest = {
  method: Method;
  /** Recipe keys and values as they were given. */
  values: Record<string, unknown>;
  workingDirectory: string;
  /** Rows to show. */
  rows: number;
  /** Bytes read, of all. */
  onProgress: (progress: { done: number; total: number }) => void;
};

/** Tokenizes the recipe's training files, which a run then finds in the cache. Throws UserError. */
export async function previewRun(app: App, request: PreviewRequest): Promise<Preview> {
  const { method, values, workingDirectory, rows, onProgress } = request;
  if (!Number.isInteger(rows) || rows < 0) {
    throw new UserError({
      code: 'option-value',
      message: `rows is ${rows}; it must be a whole number of 0 or more.`,
      fix: 'Correct --rows.',
    });
  }
  const chain = chainRuns(app, parseRecipe<Method>(method, values).recipe);
  const recipe = await resolveRecipe(chain.recipe, workingDirectory, chain);
  const tokenizer = tokenizerOf(chain, recipe.model_name_or_path);
  switch (recipe.method) {
    case 'sft':
      return previewDataset(
        dataOptions(recipe, recipe.dataset_name, app.home.cache),
        tokenizer,
        { rows },
        { onProgress },
      );
    case 'dpo':
      throw new UserError({
        code: 'preview-unavailable',
        message: 'Pairs of answers cannot be previewed yet.',
        fix: 'Preview the file as sft rows, or start the run: its first events tell what is wrong with the rows.',
      });
  }
}

/** A model that is still to be merged has the tokenizer of what it is made from. */
function tokenizerOf({ tokenizerFolder, order }: Chain<Recipe>, model: string): TextTokenizer {
  const tokenizer = loadTokenizer(tokenizerFolder ?? model);
  return order?.chatTemplate === undefined ? tokenizer : tokenizer.with({ chatTemplate: order.chatTemplate });
}
