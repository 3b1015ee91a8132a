// What a model card tells of an exported run, whichever target it lies beside.
import { basename } from 'node:path';
import type { AdapterConfig } from '../checkpoints/adapter.ts';
import { licenceFields } from '../checkpoints/front-matter.ts';
import { readConvertedFrom } from '../checkpoints/gguf/converted-from.ts';
import { readMergedFrom } from '../checkpoints/merged-from.ts';
import type { CardContent } from '../checkpoints/model-card.ts';
import { cardRecipe } from '../recipe/card-recipe.ts';
import { cardTags } from '../recipe/card-tags.ts';
import { methods } from '../recipe/recipe.ts';
import { resultSettings } from '../recipe/result-settings.ts';
import type { ExportSource } from './target.ts';

export function cardContent(source: ExportSource, config: AdapterConfig, folder: string): CardContent {
  const { recipe, step, metrics, data, history, hubId } = source;
  const baseModel = config.base_model_name_or_path ?? recipe.model_name_or_path;
  const baseRun = readMergedFrom(recipe.model_name_or_path);
  return {
    name: basename(hubId ?? folder),
    hubId,
    licence: licenceFields(recipe.model_name_or_path),
    baseModel,
    baseRun,
    convertedFrom: readConvertedFrom(recipe.model_name_or_path),
    method: methods[recipe.method].title,
    tags: cardTags(recipe),
    settings: { steps: step, ...resultSettings(recipe, config) },
    results: metrics,
    data,
    recipe: cardRecipe(recipe, baseRun === undefined ? baseModel : `run:${baseRun.run}@${baseRun.step}`),
    history,
  };
}
