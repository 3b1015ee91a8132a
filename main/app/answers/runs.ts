// Answers about the runs of the history, and what a person does to them.
import { homedir } from 'node:os';
import type { runCommands } from '../../../preload/contract.ts';
import type { App } from '../app.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import { requireRecipe } from '../granted-recipe.ts';
import { methodNamed, valuesOverPreset } from '../method-named.ts';
import { killRun, moveInQueue, queueResume, queueRun, stopAnyRun } from '../queue.ts';
import { changeRun, deleteRun, restoreRun } from '../run-notes.ts';
import { changedRuns, listRuns, runTrends, showRun } from '../show-runs.ts';
import { checkRequest } from '../start-run.ts';
import type { Answers } from './answers.ts';

export const runAnswers: Answers<keyof typeof runCommands> = {
  'runs.list': (app) => listRuns(app),
  'runs.changes': (app, { after }) => changedRuns(app, after),
  'runs.trends': (app, { ids }) => runTrends(app, ids),
  'run.show': (app, { id }) => showRun(app, id),
  async 'run.check'(app, given) {
    const { notes } = await checkRequest(app, requestOf(app, given));
    return { notes };
  },
  'run.start': async (app, given) => ({ id: await queueRun(app, requestOf(app, given)) }),
  'run.stop'(app, { id }) {
    stopAnyRun(app, id);
    return {};
  },
  'run.kill'(app, { id }) {
    killRun(app, id);
    return {};
  },
  'run.resume': async (app, { id, ...asked }) => ({
    id: await queueResume(app, id, { ...withoutUndefined(asked), workingDirectory: homedir() }),
  }),
  'run.change'(app, { id, ...changes }) {
    changeRun(app, id, withoutUndefined(changes));
    return {};
  },
  'run.delete'(app, { id }) {
    deleteRun(app, id);
    return {};
  },
  'run.restore'(app, { id }) {
    restoreRun(app, id);
    return {};
  },
  'queue.move'(app, { id, to }) {
    moveInQueue(app, id, to);
    return {};
  },
};

/** Relative paths in a window's recipe start where a person keeps files: a window has no folder of its own. */
function requestOf(
  app: App,
  given: { method: string; preset?: string | null | undefined; values: Record<string, unknown> },
) {
  const values = withDevice(app, valuesOverPreset(given));
  return {
    method: methodNamed(given.method),
    values,
    workingDirectory: homedir(),
    requirePaths: (recipe: Recipe) => requireRecipe(app, recipe),
  };
}

/** The settings' device, where the recipe names none. use_cpu and no_cuda are TRL's ways to. */
function withDevice(app: App, values: Record<string, unknown>): Record<string, unknown> {
  const { device } = app.settings.read();
  const isNamed = ['device', 'use_cpu', 'no_cuda'].some((key) => values[key] !== undefined);
  return isNamed || device === 'auto' ? values : { ...values, device };
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}
