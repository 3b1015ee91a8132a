// Ties a run of the history to the trackers that its recipe names in report_to.
import type { StoredRun } from '../store/runs.ts';
import { createReporter, type Reporter } from '../trackers/reporter.ts';
import type { Tell, TrackedRun } from '../trackers/tracker.ts';
import { runFolder, type App } from './app.ts';
import { modelNameOf } from './chain-runs.ts';

/** The trackers that a recipe asks for. */
export function reportTo(recipe: { report_to?: unknown }): string[] {
  const { report_to: names } = recipe;
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}

/** A run as trackers know it. */
export function trackedRun(
  app: App,
  { id, method, recipe, name, outputDir }: Pick<StoredRun, 'id' | 'method' | 'recipe' | 'name' | 'outputDir'>,
): TrackedRun {
  return {
    id,
    method,
    parameters: recipe,
    outputDir,
    runDir: runFolder(app, { id }),
    modelName: modelNameOf({ recipe }),
    ...(name !== undefined && { name }),
  };
}

/** A reporter for a run of the history; undefined where its recipe names no tracker. */
export function createRunReporter(app: App, id: string, tell: Tell): Reporter | undefined {
  const run = app.history.runs.get(id);
  const names = run === undefined ? [] : reportTo(run.recipe);
  if (run === undefined || names.length === 0) return undefined;
  return createReporter(trackedRun(app, run), names, {
    environment: process.env,
    readSecret: app.secrets.readOrThrow,
    tell,
  });
}
