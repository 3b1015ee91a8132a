// What a recipe would train on, token by token, without training.
import { previewDataset, previewPreferences, type PairPreview, type Preview } from '../data/preview.ts';
import type { TextTokenizer } from '../data/tokenizer.ts';
import { tokenizerOfModel } from './tokenizer-of-model.ts';
import { UserError } from '../errors.ts';
import { parseRecipe } from '../recipe/parse.ts';
import type { Method, Recipe } from '../recipe/recipe.ts';
import { preferenceOptions } from '../training/methods/pairs.ts';
import { sftDataOptions } from '../training/methods/sft.ts';
import type { App } from './app.ts';
import { type Chain, chainRuns } from './chain-runs.ts';
import type { FetchFromHub } from './hub-folder.ts';
import { resolveRecipe } from './resolve-recipe.ts';

export type PreviewRequest = {
  method: Method;
  /** Recipe keys and values as they were given. */
  values: Record<string, unknown>;
  workingDirectory: string;
  /** Rows to show. */
  rows: number;
  /** As that of a run that is started. */
  fetchFromHub?: FetchFromHub | undefined;
  /** Bytes read, of all. */
  onProgress: (progress: { done: number; total: number }) => void;
};

export type RunPreview = ({ method: 'sft' } & Preview) | ({ method: Exclude<Method, 'sft'> } & PairPreview);

/** Tokenizes the recipe's training files, which a run then finds in the cache. Throws UserError. */
export async function previewRun(app: App, request: PreviewRequest): Promise<RunPreview> {
  const { method, values, workingDirectory, rows, fetchFromHub, onProgress } = request;
  if (!Number.isInteger(rows) || rows < 0) {
    throw new UserError({
      code: 'option-value',
      message: `rows is ${rows}; it must be a whole number of 0 or more.`,
      fix: 'Give such a number.',
    });
  }
  const chain = chainRuns(app, parseRecipe<Method>(method, values).recipe);
  const recipe = await resolveRecipe(chain.recipe, workingDirectory, chain, fetchFromHub);
  const tokenizer = tokenizerOf(chain, recipe);
  if (recipe.method === 'sft') {
    const options = sftDataOptions(recipe, recipe.dataset_name, app.home.cache, recipe.packing);
    return { method: recipe.method, ...(await previewDataset(options, tokenizer, { rows }, { onProgress })) };
  }
  const options = preferenceOptions(recipe, recipe.dataset_name, app.home.cache);
  return { method: recipe.method, ...(await previewPreferences(options, tokenizer, { rows }, { onProgress })) };
}

/** A model that is still to be merged has the tokenizer of what it is made from. */
export function tokenizerOf({ tokenizerFolder, order }: Chain<Recipe>, recipe: Recipe): TextTokenizer {
  const chatTemplatePath = recipe.method === 'sft' ? recipe.chat_template_path : undefined;
  const tokenizer = tokenizerOfModel(tokenizerFolder ?? recipe.model_name_or_path, { chatTemplatePath });
  return chatTemplatePath !== undefined || order?.chatTemplate === undefined
    ? tokenizer
    : tokenizer.with({ chatTemplate: order.chatTemplate });
}
