// Answers about asking models.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type generationCommands, promptTemplate } from '../../../preload/contract.ts';
import { readDataSummary } from '../../checkpoints/data-summary.ts';
import { runFolder, type App } from '../app.ts';
import { basePathOf, referredTo } from '../chain-runs.ts';
import { findRun } from '../find-run.ts';
import { requireModel } from '../granted-recipe.ts';
import { checkRanges } from '../generate-request.ts';
import type { RoundedBase } from '../../training/four-bit.ts';
import { roundedBase } from '../rounded-base.ts';
import { listAdapters } from '../run-adapter.ts';
import type { Answers } from './answers.ts';

export const generationAnswers: Answers<keyof typeof generationCommands> = {
  async generate(app, { model, ...asked }, { tell, signal }) {
    const folders = foldersOf(app, model);
    const request = { ...asked, device: 'auto', ...folders };
    checkRanges(request);
    return app.launchErrand('answerSideBySide', request, { onProgress: tell, signal, keep: versionOf(folders) });
  },
  'generate.release'(app) {
    app.coolErrands();
    return {};
  },
  'run.adapters'(app, { id }) {
    const run = findRun(app, id);
    return {
      run: run.id,
      adapters: listAdapters(app, run).map(({ step, evalLoss }) => ({ step, evalLoss })),
      template: promptTemplate.catch('model').parse(run.recipe.template),
      inFourBits: run.recipe.load_in_4bit === true,
    };
  },
};

type Folders = {
  model: string;
  adapter?: string;
  chatTemplate?: string | undefined;
  rounded?: RoundedBase | undefined;
};

/** Changes when a model that was loaded from these folders is not theirs any more. */
function versionOf({ model, adapter, chatTemplate, rounded }: Folders): string {
  const changedAt = (folder: string): number =>
    Math.max(
      ...['config.json', 'model.safetensors', 'adapter_model.safetensors']
        .map((name) => join(folder, name))
        .map((file) => (existsSync(file) ? statSync(file).mtimeMs : 0)),
      folder.endsWith('.gguf') && existsSync(folder) ? statSync(folder).mtimeMs : 0,
    );
  const folders = [model, ...(adapter === undefined ? [] : [adapter])];
  return JSON.stringify([folders.map((folder) => [folder, changedAt(folder)]), chatTemplate, rounded]);
}

/** Weights are opened by the errand only. */
function foldersOf(app: App, model: string): Folders {
  if (!model.startsWith('run:')) return { model: requireModel(app, model) };
  const { run, adapterFolder } = referredTo(app, model, 'The model');
  return {
    model: basePathOf(run),
    adapter: adapterFolder,
    chatTemplate: readDataSummary(runFolder(app, run))?.chatTemplate,
    rounded: roundedBase(app, run),
  };
}
