// The models that are at hand: the one that ships with Lorelei, those that runs used, those in the Hugging Face cache, and
// what finished runs have made.
import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import type { CommandOutput, KnownModel } from '../../preload/contract.ts';
import { snapshotOf } from '../checkpoints/hub-cache.ts';
import { UserError } from '../errors.ts';
import { cachedModels, ggufsIn } from '../hub/cache.ts';
import type { StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';
import { isUnderWay } from './find-run.ts';
import { inspectModel } from './inspect-model.ts';
import { resourcePath } from './resources.ts';

const RUNS_LOOKED_AT = 200;
const RECENT_SHOWN = 6;
const RUNS_SHOWN = 30;

/** Looks at every model anew: folders come and go. */
export function knownModels(app: App): CommandOutput<'models.known'> {
  const runs = app.history.runs.newest(RUNS_LOOKED_AT);
  const starterFolder = resourcePath('starter-model');
  const used = new Map<string, number>();
  for (const run of runs) {
    const folder = folderOf(run);
    // Merged ones may be deleted at any time; the run they are from can be chosen instead.
    if (folder === undefined || folder.startsWith(join(app.home.cache, 'merged') + sep)) continue;
    if (!used.has(folder)) used.set(folder, run.createdAt);
  }
  const starter = {
    ...inspectModel(app, starterFolder),
    name: 'Lorelei starter model',
    usedAt: used.get(real(starterFolder)) ?? null,
  };
  used.delete(real(starterFolder));
  const cached = cachedModels(app.hub.cache).flatMap(({ folder }) => {
    const snapshot = real(snapshotOf(folder));
    if (existsSync(join(snapshot, 'config.json'))) return [snapshot];
    return ggufsIn(snapshot).map((file) => join(snapshot, file));
  });
  return {
    starter,
    recent: [...used].slice(0, RECENT_SHOWN).map(([folder, usedAt]) => ({ ...inspectModel(app, folder), usedAt })),
    downloaded: cached.map((folder) => ({ ...inspectModel(app, folder), usedAt: used.get(folder) ?? null })),
    runs: runs.flatMap((run) => asBase(app, run)).slice(0, RUNS_SHOWN),
  };
}

function folderOf({ recipe }: StoredRun): string | undefined {
  const model = recipe.model_name_or_path;
  return typeof model === 'string' && existsSync(model) ? real(model) : undefined;
}

/** A file keeps its name: in the Hugging Face cache it is a link to one without an ending. */
function real(path: string): string {
  if (!existsSync(path)) return path;
  return statSync(path).isDirectory() ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path));
}

/** Nothing where the run has no adapter, or what it was trained on is gone. */
function asBase(app: App, run: StoredRun): KnownModel[] {
  if (isUnderWay(run) || run.lastStep === 0) return [];
  try {
    const facts = inspectModel(app, `run:${run.id}`);
    return facts.problem ? [] : [{ ...facts, name: run.name ?? facts.name, usedAt: run.endedAt ?? run.createdAt }];
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}
