// Answers to what the page of one run asks for.
import type { runPageCommands } from '../../../preload/contract.ts';
import { findRun } from '../find-run.ts';
import { curvesOf } from '../run-curves.ts';
import { readLogEnd } from '../run-log.ts';
import { draftOfRun, recipeText } from '../run-recipe.ts';
import { sizesOnDisk } from '../run-sizes.ts';
import { usageOfRun } from '../run-usage.ts';
import { overviewOf } from '../show-runs.ts';
import type { Answers } from './answers.ts';

export const runPageAnswers: Answers<keyof typeof runPageCommands> = {
  'run.overview': (app, { id }) => overviewOf(app, findRun(app, id)),
  'run.curves': (app, { id, after, evaluatedAfter }) => curvesOf(app, findRun(app, id), { after, evaluatedAfter }),
  'run.usage': (app, { id }) => usageOfRun(app, findRun(app, id)),
  'run.log': (app, { id }) => readLogEnd(app, findRun(app, id)),
  'run.yaml': (app, { id }) => ({ yaml: recipeText(findRun(app, id)) }),
  'run.again': (app, { id }) => draftOfRun(findRun(app, id)),
  'run.sizes': (app, { id }) => sizesOnDisk(app, findRun(app, id)),
};
