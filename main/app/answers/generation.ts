// Answers about asking models.
import { type generationCommands, promptTemplate } from '../../../preload/contract.ts';
import { readDataSummary } from '../../checkpoints/data-summary.ts';
import { runFolder, type App } from '../app.ts';
import { basePathOf, referredTo } from '../chain-runs.ts';
import { findRun } from '../find-run.ts';
import { checkRanges } from '../generate-request.ts';
import { listAdapters } from '../run-adapter.ts';
import type { Answers } from './answers.ts';

export const generationAnswers: Answers<keyof typeof generationCommands> = {
  async generate(app, { model, ...asked }, { tell, signal }) {
    const request = { ...asked, device: 'auto', ...foldersOf(app, model) };
    checkRanges(request);
    return app.launchErrand('answerSideBySide', request, { onProgress: tell, signal });
  },
  'run.adapters'(app, { id }) {
    const run = findRun(app, id);
    return {
      run: run.id,
      adapters: listAdapters(app, run).map(({ step, evalLoss }) => ({ step, evalLoss })),
      template: promptTemplate.catch('model').parse(run.recipe.template),
    };
  },
};

/** Weights are opened by the errand only. */
function foldersOf(app: App, model: string) {
  if (!model.startsWith('run:')) return { model };
  const { run, adapterFolder } = referredTo(app, model, 'The model');
  return {
    model: basePathOf(run),
    adapter: adapterFolder,
    chatTemplate: readDataSummary(runFolder(app, run))?.chatTemplate,
  };
}
