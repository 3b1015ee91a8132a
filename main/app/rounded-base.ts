// How the base model of a run was rounded: whoever answers with what the run has learned rounds it the same way.
import { restoreRecipe } from '../recipe/parse.ts';
import type { StoredRun } from '../store/runs.ts';
import { fourBitSettings, type RoundedBase } from '../training/four-bit.ts';
import type { App } from './app.ts';
import { methodOf } from './find-run.ts';

/** Undefined where it was not. Throws UserError "run-recipe-outdated". */
export function roundedBase(app: App, run: StoredRun): RoundedBase | undefined {
  if (run.recipe.load_in_4bit !== true) return undefined;
  const settings = fourBitSettings(restoreRecipe(methodOf(run), run.recipe));
  return settings && { settings, cacheDir: app.home.cache };
}
