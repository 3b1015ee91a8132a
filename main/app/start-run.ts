// Starting, resuming and stopping runs. Everything that can be refused is refused before anything is written.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeMergeOrder } from '../checkpoints/merge-order.ts';
import { hasSystemCode, UserError } from '../errors.ts';
import { parseRecipe, restoreRecipe } from '../recipe/parse.ts';
import type { Method, Recipe } from '../recipe/recipe.ts';
import { writeRecipe } from '../recipe/yaml.ts';
import type { JobRecord } from '../../preload/contract.ts';
import { type JobDevice, stopRequestFile } from '../training/job.ts';
import type { StoredRun } from '../store/runs.ts';
import { runFolder, type App } from './app.ts';
import { freeGpu } from './busy-devices.ts';
import { chainRuns, type Chain } from './chain-runs.ts';
import { reconcileCheckpoints } from './checkpoints-on-disk.ts';
import { findRun, isUnderWay, methodOf, withTrueStatus } from './find-run.ts';
import { followRun, type RunSession } from './follow-run.ts';
import type { FetchFromHub } from './hub-folder.ts';
import { checkOutputFolder } from './output-folder.ts';
import { isAlive, thisProcess } from './process-identity.ts';
import { requireGpuHere } from './require-gpu.ts';
import { resolveRecipe } from './resolve-recipe.ts';
import { newRunName } from './run-names.ts';

export type StartRequest = {
  method: Method;
  /** Recipe keys and values as they were given. */
  values: Record<string, unknown>;
  /** Where relative paths start. */
  workingDirectory: string;
  /** Brings a model or adapter that is named by its place on the Hub; without it only those of the cache are found. */
  fetchFromHub?: FetchFromHub | undefined;
  onRecord: (record: JobRecord) => void;
  /** Throws where whoever asks may not use a path of the recipe; called before any is opened. Absent: all are allowed. */
  requirePaths?: (recipe: Recipe) => Promise<void>;
};

/** A run that waits or is under way in any process and writes to this folder. */
function runWritingTo(app: App, folder: string): StoredRun | undefined {
  const { runs } = app.history;
  const underWay = runs.underWay().filter((run) => isUnderWay(withTrueStatus(run)));
  return [...underWay, ...runs.queue()].find((run) => run.outputDir === folder);
}

/** What a run would be started with. */
export type CheckedRequest = { chain: Chain<Recipe>; recipe: Recipe; notes: string[] };

/** Checks a recipe without starting it, as far as that is possible without opening model and data. Throws UserError. */
export async function checkRequest(
  app: App,
  { method, values, workingDirectory, fetchFromHub, requirePaths }: Omit<StartRequest, 'onRecord'>,
): Promise<CheckedRequest> {
  const parsed = parseRecipe<Method>(method, values);
  await requirePaths?.(parsed.recipe);
  const chain = chainRuns(app, parsed.recipe);
  const recipe = await resolveRecipe(chain.recipe, workingDirectory, chain, fetchFromHub);
  checkOutput(app, recipe);
  await requireGpuHere(app, recipe.device);
  return { chain, recipe, notes: [...parsed.notes, ...chain.notes] };
}

/** Throws UserError where the adapter cannot go into output_dir, or another run's will. */
export function checkOutput(app: App, recipe: Recipe): void {
  if (recipe.output_dir === undefined) return;
  checkOutputFolder(recipe.output_dir, recipe.overwrite_output_dir);
  const other = runWritingTo(app, recipe.output_dir);
  if (other === undefined) return;
  throw new UserError({
    code: 'output-in-use',
    message: `The run ${other.id} is ${other.status === 'queued' ? 'waiting for its turn' : 'under way'} and will write its adapter to ${recipe.output_dir}.`,
    fix: 'Give output_dir another folder.',
  });
}

/** Checks a recipe and starts a run of it. Throws UserError, and then nothing was written. */
export async function startRun(app: App, request: StartRequest): Promise<RunSession> {
  const { onRecord } = request;
  const checked = await checkRequest(app, request);
  const run = admitRun(app, checked);
  for (const message of checked.notes) onRecord({ type: 'event', level: 'info', message });
  return launch(app, run, { recipe: checked.recipe, onRecord, isNew: true });
}

/** Puts a run into the history and its folder on the disk: to be followed by this process, or, with a place, to wait. */
export function admitRun(app: App, { chain, recipe, notes }: CheckedRequest, queuePlace?: number): NewRun {
  const run = addRun(app, recipe, { notes, ...(queuePlace !== undefined && { queuePlace }) });
  try {
    mkdirSync(runFolder(app, run), { recursive: true });
    if (chain.order !== undefined) writeMergeOrder(runFolder(app, run), chain.order);
    writeFileSync(join(runFolder(app, run), 'recipe.yaml'), writeRecipe(recipe));
  } catch (error) {
    app.history.runs.remove(run.id);
    rmSync(runFolder(app, run), { recursive: true, force: true });
    throw writeProblem(error, app.home.runs);
  }
  return run;
}

export type NewRun = Pick<StoredRun, 'id' | 'outputDir'>;

/** Puts a run into the history under a free name, followed by this process. */
function addRun(
  app: App,
  recipe: Recipe,
  { notes, queuePlace }: { notes: readonly string[]; queuePlace?: number },
): NewRun {
  const { runs, events, transaction } = app.history;
  return transaction(() => {
    const id = newRunName((name) => runs.get(name) !== undefined || existsSync(runFolder(app, { id: name })));
    const outputDir = recipe.output_dir ?? join(runFolder(app, { id }), 'adapter');
    const createdAt = Date.now();
    runs.insert({
      id,
      method: recipe.method,
      name: recipe.run_name,
      recipe,
      outputDir,
      createdAt,
      ...(queuePlace === undefined ? { host: thisProcess() } : { queuePlace }),
    });
    for (const message of notes) events.add(id, { recordedAt: createdAt, level: 'info', message });
    return { id, outputDir };
  });
}

function writeProblem(error: unknown, folder: string): unknown {
  if (!hasSystemCode(error, 'ENOSPC', 'EDQUOT')) return error;
  return new UserError(
    {
      code: 'disk-full',
      message: `The disk that holds ${folder} is full.`,
      fix: 'Free some space, then run it again.',
    },
    { cause: error },
  );
}

type Launch = {
  recipe: Recipe;
  onRecord: (record: JobRecord) => void;
  isNew: boolean;
  /** Folder of a checkpoint. */
  resumeFrom?: string;
  /** Absent: what the recipe names. */
  device?: JobDevice;
};

/** Starts the job of a run that is in the history and on the disk. */
export function launch(app: App, run: NewRun, { onRecord, isNew, ...rest }: Launch): RunSession {
  const job = {
    ...rest,
    runId: run.id,
    runDir: runFolder(app, run),
    outputDir: run.outputDir,
    cacheDir: app.home.cache,
  };
  return followRun(app, { run, job, onRecord, isNew });
}

/** Of a run that waited: the device that is kept for it, and whether it is still its turn, asked as it is claimed. */
export type GivenTurn = { device?: string; isStillIts?: () => boolean };

/**
 * Continues a run from its last complete checkpoint, or from the beginning where it has none. Throws UserError
 * "run-not-found", "run-ambiguous", "run-under-way", "run-completed" or "run-folder-missing".
 */
export function resumeRun(
  app: App,
  name: string,
  onRecord: (record: JobRecord) => void,
  turn: GivenTurn = {},
): RunSession {
  const run = findRun(app, name);
  if (run.status === 'completed') {
    throw new UserError({
      code: 'run-completed',
      message: `The run ${run.id} is complete (${run.lastStep} steps); there is nothing left to resume.`,
      fix: 'Resume it from one of its checkpoints with a later end.',
      commandLine: `Train further with a later end: lorelei resume ${run.id} --max_steps N. Without a checkpoint: lorelei ${run.method} --adapter_name_or_path ${run.outputDir} and the rest of its recipe.`,
    });
  }
  const folder = runFolder(app, run);
  if (!existsSync(folder)) {
    throw new UserError({
      code: 'run-folder-missing',
      message: `The folder of the run ${run.id} is gone (${folder}).`,
      fix: 'Run it again as a new run.',
      commandLine: `Start it anew with lorelei ${run.method}.`,
    });
  }
  const recipe = restoreRecipe(methodOf(run), run.recipe);
  // Its own adapter may lie there already: a run may have died after writing it.
  checkOutputFolder(run.outputDir, run.startedAt !== undefined || recipe.overwrite_output_dir);
  claim(app, run.id, turn);
  const device = recipe.device === 'cuda' && turn.device !== undefined && { device: freeGpu(turn.device) };
  rmSync(join(folder, stopRequestFile), { force: true });
  const checkpoint = reconcileCheckpoints(app, run).at(-1);
  const resumption = { ...(checkpoint && { resumeFrom: checkpoint.path }), ...device };
  // One that waited for its turn and never ran has nothing to go on from, unless it is a branch, which says so itself.
  const isFirstTime = run.status === 'queued' && run.queuedFrom === undefined;
  if (isFirstTime) return launch(app, run, { recipe, onRecord, isNew: false, ...resumption });
  const message =
    checkpoint === undefined
      ? 'No checkpoint was written yet: the run starts from the beginning.'
      : `Resuming from the checkpoint at step ${checkpoint.step}.`;
  // With its step it has a place on the charts.
  const event = { level: 'info', message, ...(checkpoint && { step: checkpoint.step }) } as const;
  app.history.events.add(run.id, { recordedAt: Date.now(), ...event });
  onRecord({ type: 'event', ...event });
  return launch(app, run, { recipe, onRecord, isNew: false, ...resumption });
}

/** Makes this process the one that follows the run. Only one process can. */
function claim(app: App, id: string, { device, isStillIts }: GivenTurn): void {
  app.history.transaction(() => {
    const run = app.history.runs.get(id);
    if (run === undefined) throw new Error(`run ${id} vanished`);
    if (isUnderWay(withTrueStatus(run))) {
      throw new UserError({
        code: 'run-under-way',
        message: `The run ${id} is under way in process ${run.host?.pid ?? 0}.`,
        fix: 'Stop it first.',
        commandLine: `Stop it first: lorelei stop ${id}`,
      });
    }
    if (run.job !== undefined && isAlive(run.job)) {
      throw new UserError({
        code: 'run-under-way',
        message: `The training process of ${id} (process ${run.job.pid}) still finishes its last step and saves.`,
        fix: 'Try again in a moment.',
      });
    }
    if (isStillIts?.() === false) {
      throw new UserError({
        code: 'run-under-way',
        message: `Another run has taken the place of ${id}, which waits on.`,
        fix: 'Wait for its turn.',
      });
    }
    app.history.runs.update(id, {
      status: 'preparing',
      device: device ?? null,
      host: thisProcess(),
      endedAt: null,
      error: null,
      queuePlace: null,
      queuedFrom: null,
    });
  });
}

/** Asks the process that follows a run to stop it. Throws UserError "run-not-under-way" or "run-folder-missing". */
export function stopRun(app: App, name: string): StoredRun {
  const run = findRun(app, name);
  if (!isUnderWay(run)) {
    throw new UserError({
      code: 'run-not-under-way',
      message: `The run ${run.id} is not under way: it is ${run.status}.`,
      fix: 'Look at the list of runs: it shows which are training.',
      commandLine: 'lorelei runs shows which runs are training.',
    });
  }
  const folder = runFolder(app, run);
  try {
    writeFileSync(join(folder, stopRequestFile), '');
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) throw folderMissing(run.id, folder);
    throw writeProblem(error, app.home.runs);
  }
  app.history.events.add(run.id, {
    recordedAt: Date.now(),
    level: 'info',
    message: 'Asked to stop from another process.',
  });
  return run;
}

function folderMissing(id: string, folder: string): UserError {
  return new UserError({
    code: 'run-folder-missing',
    message: `The run ${id} cannot be told to stop: its folder is gone (${folder}).`,
    fix: 'End the program that trains it.',
  });
}
