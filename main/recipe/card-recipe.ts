// A recipe as a model card shows it to everybody: as YAML that can be run again, without the paths of this machine and
// without the prompts for samples, which change nothing that is learned and may be private.
import { basename, isAbsolute } from 'node:path';
import type { Recipe } from './recipe.ts';
import { writeRecipe } from './yaml.ts';

/** @param model what to call the model instead of its folder: an id on the Hub, or run:NAME@STEP */
export function cardRecipe(recipe: Recipe, model: string): string {
  const { output_dir: _folder, sample_prompts: _prompts, ...told } = recipe;
  return writeRecipe({ ...(withoutFolders(told) as Recipe), model_name_or_path: withoutFolders(model) as string });
}

function withoutFolders(value: unknown): unknown {
  if (typeof value === 'string') return isAbsolute(value) ? basename(value) : value;
  if (Array.isArray(value)) return value.map(withoutFolders);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withoutFolders(entry)]));
}
