// Answers about models on this machine.
import type { modelCommands } from '../../../preload/contract.ts';
import { inspectModel } from '../inspect-model.ts';
import { knownModels } from '../known-models.ts';
import type { Answers } from './answers.ts';

export const modelAnswers: Answers<keyof typeof modelCommands> = {
  'models.inspect': (app, { path }) => inspectModel(app, path),
  'models.known': (app) => knownModels(app),
};
