// Answers about models on this machine.
import type { modelCommands } from '../../../preload/contract.ts';
import { requireFound, requireModel } from '../granted-recipe.ts';
import { inspectModel } from '../inspect-model.ts';
import { knownModels } from '../known-models.ts';
import type { Answers } from './answers.ts';

export const modelAnswers: Answers<keyof typeof modelCommands> = {
  'models.inspect'(app, { path }) {
    const facts = inspectModel(app, requireModel(app, path));
    if (facts.adapter) requireFound(app, facts.folder);
    return facts;
  },
  'models.known': (app) => knownModels(app),
};
