// The model card of a finished run, from what the job process knows.
import { basename } from 'node:path';
import type { AdapterConfig } from '../checkpoints/adapter.ts';
import { licenceFields } from '../checkpoints/front-matter.ts';
import { readConvertedFrom } from '../checkpoints/gguf/converted-from.ts';
import { readMergedFrom } from '../checkpoints/merged-from.ts';
import { cardFiles, type LossHistory } from '../checkpoints/model-card.ts';
import type { DataReport } from '../data/report.ts';
import { cardRecipe } from '../recipe/card-recipe.ts';
import { cardTags } from '../recipe/card-tags.ts';
import { methods } from '../recipe/recipe.ts';
import { resultSettings } from '../recipe/result-settings.ts';
import type { Metrics } from '../../preload/contract.ts';
import type { JobSpec } from './job.ts';
import type { LoadedModel } from './load-model.ts';

type Finished = {
  config: AdapterConfig;
  metrics: Metrics;
  /** The losses and evaluations of the whole run; without it the card shows the numbers at the end only. */
  history?: LossHistory | undefined;
};

/** README.md and, with a history, its picture: name -> content. */
export function finishedCard(
  { recipe, outputDir }: Pick<JobSpec, 'recipe' | 'outputDir'>,
  { loaded, report, step }: { loaded: LoadedModel; report: DataReport; step: number },
  { config, metrics, history }: Finished,
): Map<string, string | Uint8Array> {
  const baseModel = config.base_model_name_or_path ?? recipe.model_name_or_path;
  const baseRun = readMergedFrom(loaded.folder.path);
  return cardFiles({
    name: basename(outputDir),
    licence: licenceFields(loaded.folder.path),
    baseModel,
    baseRun,
    convertedFrom: readConvertedFrom(loaded.folder.path),
    method: methods[recipe.method].title,
    tags: cardTags(recipe),
    settings: { steps: step, ...resultSettings(recipe, config) },
    results: metrics,
    data: { ...report, files: report.files.map(({ file }) => file) },
    recipe: cardRecipe(recipe, baseRun === undefined ? baseModel : `run:${baseRun.run}@${baseRun.step}`),
    history,
  });
}
