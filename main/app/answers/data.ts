// Answers about the data of the next run. Reading and tokenizing are errands; stored rows are read here.
import type { dataCommands } from '../../../preload/contract.ts';
import { requireData, requireRecipe } from '../granted-recipe.ts';
import { dataRecipe, dataSettings, filesOfDraft } from '../read-dataset.ts';
import { sampleData } from '../sample-data.ts';
import { showRows } from '../shown-rows.ts';
import type { Answers } from './answers.ts';

export const dataAnswers: Answers<keyof typeof dataCommands> = {
  'data.samples': () => sampleData(),
  'data.settings': (_app, { draft }) => dataSettings(draft),
  async 'data.look'(app, { draft }, { tell, signal }) {
    await requireData(app, filesOfDraft(draft));
    return app.launchErrand('look', { draft }, { onProgress: tell, signal });
  },
  async 'data.tokenize'(app, { draft }, { tell, signal }) {
    await requireRecipe(app, dataRecipe(draft));
    return app.launchErrand('tokenize', { draft }, { onProgress: tell, signal });
  },
  'data.rows': (app, request) => showRows(app.home.cache, request),
};
