// The checkpoints of a run as they really lie on disk. The history may lag behind: a job whose host died still saves.
import { statSync } from 'node:fs';
import { listCheckpoints } from '../checkpoints/run-state.ts';
import type { StoredCheckpoint } from '../store/journal.ts';
import type { StoredRun } from '../store/runs.ts';
import { runFolder, type App } from './app.ts';

/** The checkpoints on disk in order of steps, after the history was brought in line with them. */
export function reconcileCheckpoints(app: App, run: Pick<StoredRun, 'id'>): StoredCheckpoint[] {
  const present = listCheckpoints(runFolder(app, run)).map(({ step, path }) => ({
    step,
    path,
    recordedAt: Math.round(statSync(path).mtimeMs),
  }));
  const { checkpoints, transaction } = app.history;
  const known = checkpoints.list(run.id);
  const missing = present.filter(({ path }) => !known.some((one) => one.path === path));
  const gone = known.filter(({ path }) => !present.some((one) => one.path === path));
  if (missing.length + gone.length > 0) {
    transaction(() => {
      for (const one of missing) checkpoints.add(run.id, one);
      for (const one of gone) checkpoints.remove(run.id, one.path);
    });
  }
  return present;
}
