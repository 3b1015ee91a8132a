// The recipe of a run of the history, to read, to take along and to begin another run with.
import { stringify } from 'yaml';
import type { Draft } from '../../preload/contract.ts';
import { UserError } from '../errors.ts';
import { restoreRecipe } from '../recipe/parse.ts';
import { keysOf, methods } from '../recipe/recipe.ts';
import { writeRecipe } from '../recipe/yaml.ts';
import type { StoredRun } from '../store/runs.ts';
import { methodOf } from './find-run.ts';

type Run = Pick<StoredRun, 'id' | 'method' | 'recipe'>;

/** The recipe as YAML; that of another version, which cannot be checked here, as it was kept. */
export function recipeText(run: Run): string {
  try {
    return writeRecipe(restoreRecipe(methodOf(run), run.recipe));
  } catch (error) {
    if (error instanceof UserError) return stringify(run.recipe);
    throw error;
  }
}

/** What belongs to one run alone. */
const notAgain = new Set(['run_name', 'output_dir', 'overwrite_output_dir']);

/** What the recipe sets otherwise than by default. Throws UserError "run-recipe-outdated" for an unknown method. */
export function draftOfRun(run: Run): Draft {
  const method = methodOf(run);
  const { shape } = methods[method];
  const isDefault = (key: string, value: unknown): boolean => {
    const field = shape[key]?.safeParse(undefined);
    return field?.success === true && JSON.stringify(field.data) === JSON.stringify(value);
  };
  const values = keysOf(method)
    .map((key) => [key, run.recipe[key]] as const)
    .filter(([key, value]) => value !== undefined && !notAgain.has(key) && !isDefault(key, value));
  return { method, preset: null, values: Object.fromEntries(values) as Draft['values'] };
}
