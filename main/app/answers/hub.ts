// Answers about the Hugging Face Hub and downloads from it.
import type { hubCommands } from '../../../preload/contract.ts';
import { searchDatasets } from '../../hub/search.ts';
import { hubAccountOf, planUpload } from '../export-to-hub.ts';
import { hubDatasetInfo, hubModelInfo, planDownload, searchHubModels } from '../hub-models.ts';
import type { Answers } from './answers.ts';

export const hubAnswers: Answers<keyof typeof hubCommands> = {
  'hub.searchModels': (app, input) => searchHubModels(app, input),
  'hub.modelInfo': (app, { repo, revision, file }) => hubModelInfo(app, repo, { revision, file }),
  'hub.searchDatasets': async (app, { query }) => searchDatasets(await app.hub.access(), query),
  'hub.datasetInfo': (app, { repo, revision }) => hubDatasetInfo(app, repo, revision),
  'hub.account': (app) => hubAccountOf(app),
  'hub.uploadTarget': (app, { repo }) => planUpload(app, repo),
  'downloads.list': (app) => app.hub.downloads.list(),
  'downloads.start': async (app, order) => app.hub.downloads.start(await planDownload(app, order)),
  'downloads.pause'(app, { id }) {
    app.hub.downloads.pause(id);
    return {};
  },
  'downloads.resume'(app, { id }) {
    app.hub.downloads.resume(id);
    return {};
  },
  'downloads.cancel'(app, { id }) {
    app.hub.downloads.cancel(id);
    return {};
  },
};
