// What every action of the app works on: the home folder, the history, a way to start jobs.
import { join } from 'node:path';
import { openHistory, type History } from '../store/history.ts';
import type { StoredRun } from '../store/runs.ts';
import type { ReadSecret } from '../trackers/tracker.ts';
import { homeFolder, openHome, type Home } from './home.ts';
import type { LaunchJob } from './job.ts';
import { resourcePath } from './resources.ts';

export type App = {
  home: Home;
  history: History;
  launchJob: LaunchJob;
  /** Absent: secrets come from the environment. */
  readSecret?: ReadSecret;
};

/**
 * Opens the home folder and its history; close with `app.history.close()`. Throws UserError where the home cannot be
 * written or the history cannot be read.
 */
export function openApp(launchJob: LaunchJob, folder: string = homeFolder(process.env)): App {
  const home = openHome(folder);
  return { home, history: openHistory(home.history, resourcePath('migrations')), launchJob };
}

/** The folder of a run: recipe.yaml, checkpoints, job.log and, unless the recipe says otherwise, the adapter. */
export function runFolder(app: App, run: Pick<StoredRun, 'id'>): string {
  return join(app.home.runs, run.id);
}
