// What a person does to runs of the history: names, tags, notes, putting away, deleting with a way back.
import { rmSync } from 'node:fs';
import { UserError } from '../errors.ts';
import { runFolder, type App } from './app.ts';
import { findRun, isUnderWay } from './find-run.ts';

/** How long a deleted run can be brought back. */
const KEPT_MS = 600_000;

const PURGE_EVERY_MS = 60_000;

type Changes = { name?: string | null; tags?: readonly string[]; notes?: string; archived?: boolean };

/** Tags are trimmed; empty ones and repetitions fall away. Throws UserError "run-not-found". */
export function changeRun(app: App, id: string, { name, tags, notes, archived }: Changes): void {
  const run = findRun(app, id);
  app.history.runs.update(run.id, {
    ...(name !== undefined && { name: name === null || name.trim() === '' ? null : name.trim() }),
    ...(tags !== undefined && { tags: [...new Set(tags.map((tag) => tag.trim()).filter((tag) => tag !== ''))] }),
    ...(notes !== undefined && { notes }),
    ...(archived !== undefined && { archivedAt: archived ? Date.now() : null }),
  });
}

/** Hides a run; its files go ten minutes later. Throws UserError "run-under-way" for one that trains or waits. */
export function deleteRun(app: App, id: string): void {
  const run = findRun(app, id);
  if (isUnderWay(run) || run.status === 'queued') {
    throw new UserError({
      code: 'run-under-way',
      message: `The run ${run.id} is ${run.status === 'queued' ? 'waiting for its turn' : 'under way'}.`,
      fix: 'Stop it first, then delete it.',
    });
  }
  app.history.runs.update(run.id, { deletedAt: Date.now() });
}

/** Brings a deleted run back. Throws UserError "run-purged" where it is too late. */
export function restoreRun(app: App, id: string): void {
  if (app.history.runs.get(id) === undefined) {
    throw new UserError({
      code: 'run-purged',
      message: `The run ${id} was deleted more than ten minutes ago; its files are gone.`,
      fix: 'An adapter that was exported or written to a folder of yours is still there.',
    });
  }
  app.history.runs.update(id, { deletedAt: null });
}

/** Removes what was deleted long enough ago, with the run's folder in the home. Folders that a person chose stay. */
export function purgeDeleted(app: App, keptMs = KEPT_MS): void {
  for (const run of app.history.runs.deleted(Date.now() - keptMs)) {
    rmSync(runFolder(app, run), { recursive: true, force: true });
    app.history.runs.remove(run.id);
  }
}

/** Purges now and every minute, until the returned function is called. */
export function keepPurging(app: App): () => void {
  const timer = setInterval(() => purgeDeleted(app), PURGE_EVERY_MS);
  purgeDeleted(app);
  return () => clearInterval(timer);
}
