// What a recipe would train on, token by token, without training.
import { previewDataset, previewPreferences, type PairPreview, type Preview } from '../data/preview.ts';
import { loadTokenizer } from '../data/tokenizer.ts';
import { UserError } from '../errors.ts';
import { parseRecipe } from '../recipe/parse.ts';
import type { Method } from '../recipe/recipe.ts';
import { preferenceOptions } from '../training/methods/dpo.ts';
import { sftDataOptions } from '../training/methods/sft.ts';
import type { Home } from './home.ts';
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

export type RunPreview = ({ method: 'sft' } & Preview) | ({ method: 'dpo' } & PairPreview);

/** Tokenizes the recipe's training files, which a run then finds in the cache. Throws UserError. */
export async function previewRun(home: Home, request: PreviewRequest): Promise<RunPreview> {
  const { method, values, workingDirectory, rows, onProgress } = request;
  if (!Number.isInteger(rows) || rows < 0) {
    throw new UserError({
      code: 'option-value',
      message: `rows is ${rows}; it must be a whole number of 0 or more.`,
      fix: 'Correct --rows.',
    });
  }
  const recipe = await resolveRecipe(parseRecipe<Method>(method, values).recipe, workingDirectory);
  const tokenizer = loadTokenizer(recipe.model_name_or_path);
  switch (recipe.method) {
    case 'sft': {
      const options = sftDataOptions(recipe, recipe.dataset_name, home.cache, recipe.packing);
      return { method: 'sft', ...(await previewDataset(options, tokenizer, { rows }, { onProgress })) };
    }
    case 'dpo': {
      const options = preferenceOptions(recipe, recipe.dataset_name, home.cache);
      return { method: 'dpo', ...(await previewPreferences(options, tokenizer, { rows }, { onProgress })) };
    }
  }
}
