// Answers about recipes: what there is to set, what is wrong with what was set, YAML, and what a run would take.
import type { recipeCommands } from '../../../preload/contract.ts';
import { checkKeys } from '../../recipe/check-keys.ts';
import { describeKeys } from '../../recipe/describe-keys.ts';
import { listPresets } from '../../recipe/presets.ts';
import { METHODS, methods } from '../../recipe/recipe.ts';
import { readRecipeFile, recipeKeysIn, writeKeys } from '../../recipe/yaml.ts';
import { estimateRun } from '../estimate.ts';
import { requireModel } from '../granted-recipe.ts';
import { methodNamed, valuesOverPreset } from '../method-named.ts';
import { resourcePath } from '../resources.ts';
import type { Answers } from './answers.ts';

export const recipeAnswers: Answers<keyof typeof recipeCommands> = {
  'recipe.describe': (_app, { method }) => ({
    methods: METHODS.map((name) => ({ name, title: methods[name].title, purpose: methods[name].purpose })),
    keys: plain(describeKeys(methodNamed(method))),
    presets: listPresets(resourcePath('presets'))
      .filter((preset) => preset.method === method)
      .map(({ path, ...preset }) => ({ ...preset, values: plain(readRecipeFile(path)) })),
  }),
  'recipe.check'(_app, given) {
    const { problems, notes, recipe } = checkKeys(methodNamed(given.method), valuesOverPreset(given));
    return {
      problems: problems.map(({ key, error }) => ({ key, error: error.toWindow() })),
      notes,
      effective: plain(recipe ?? {}),
    };
  },
  'recipe.toYaml': (_app, given) => ({ yaml: writeKeys(methodNamed(given.method), valuesOverPreset(given)) }),
  'recipe.fromYaml': (_app, { yaml }) => ({
    values: yaml.trim() === '' ? {} : plain(recipeKeysIn(yaml, 'Recipe')),
  }),
  'recipe.estimate'(app, { rows, sizes, ...given }) {
    const values = valuesOverPreset(given);
    const { model_name_or_path: model } = values;
    // As the recipe takes it; what is no text is refused with the rest.
    const named = typeof model === 'string' && model.trim() !== '' ? requireModel(app, model.trim()) : model;
    return estimateRun(app, {
      method: methodNamed(given.method),
      values: { ...values, model_name_or_path: named },
      rows,
      sizes,
    });
  },
};

/** As it crosses the border: JSON, without what is undefined. */
function plain(value: unknown): never {
  return JSON.parse(JSON.stringify(value)) as never;
}
