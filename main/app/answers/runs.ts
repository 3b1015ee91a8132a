// Answers about the runs of the history.
import type { runCommands } from '../../../preload/contract.ts';
import { listRuns, showRun } from '../show-runs.ts';
import type { Answers } from './answers.ts';

export const runAnswers: Answers<keyof typeof runCommands> = {
  'runs.list': (app) => listRuns(app),
  'run.show': (app, { id }) => showRun(app, id),
};
