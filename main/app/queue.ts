// Runs that wait for their turn, whoever started them: one run at a time on a machine, and on each of several GPUs one
// (turns.ts). Their order is in the history, so it outlives the program; any host that shows windows moves the queue on,
// and no two of them start the same run, or one on the same GPU.
import { isDeepStrictEqual } from 'node:util';
import type { JobRecord } from '../../preload/contract.ts';
import { messageOf, UserError } from '../errors.ts';
import type { StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';
import { admitBranch, branchOf, type ResumeRequest } from './branch-run.ts';
import { deviceAsked } from './busy-devices.ts';
import { findRun, isUnderWay, withTrueStatus } from './find-run.ts';
import type { RunSession } from './follow-run.ts';
import { placesOf } from './gpu-places.ts';
import { gatherRecords } from './run-records.ts';
import { admitRun, checkRequest, resumeRun, stopRun, type StartRequest } from './start-run.ts';
import { nextTurn, type Contender, type Places, type Turn } from './turns.ts';

const LOOK_MS = 1000;

/** Runs that this process follows, by name. */
const sessions = new WeakMap<App, Map<string, RunSession>>();

/** Programs that are about to end: those that wait do so until another one is opened. */
const held = new WeakSet<App>();

function sessionsOf(app: App): Map<string, RunSession> {
  const known = sessions.get(app) ?? new Map<string, RunSession>();
  sessions.set(app, known);
  return known;
}

/** Checks a recipe and puts a run of it at the end of the queue. Throws UserError, and then nothing was written. */
export async function queueRun(app: App, request: Omit<StartRequest, 'onRecord'>): Promise<string> {
  const checked = await checkRequest(app, request);
  const { id } = admitRun(app, checked, lastPlace(app) + 1);
  moveOn(app);
  return id;
}

/**
 * Puts a run that ended early at the end of the queue, to go on from its last checkpoint, or a branch of it where that
 * is asked for (branch-run.ts). Returns the one that goes on. Throws as branchOf and resumeRun do.
 */
export async function queueResume(app: App, name: string, request: ResumeRequest): Promise<string> {
  const branch = await branchOf(app, name, request);
  const id = branch === undefined ? queueAgain(app, name) : admitBranch(app, branch, lastPlace(app) + 1).id;
  moveOn(app);
  return id;
}

function queueAgain(app: App, name: string): string {
  return app.history.transaction(() => {
    const run = findRun(app, name);
    if (run.status === 'queued') return run.id;
    if (isUnderWay(run) || run.status === 'completed') {
      throw new UserError({
        code: run.status === 'completed' ? 'run-completed' : 'run-under-way',
        message: `The run ${run.id} is ${run.status === 'completed' ? 'complete' : 'under way'}: there is nothing to resume.`,
        fix: run.status === 'completed' ? 'Run it again with more steps.' : 'Wait for its end, or stop it.',
      });
    }
    app.history.runs.update(run.id, { status: 'queued', queuedFrom: run.status, queuePlace: lastPlace(app) + 1 });
    return run.id;
  });
}

/** Takes a run out of the queue, or stops it after its current step. Throws UserError "run-not-under-way". */
export function stopAnyRun(app: App, name: string): void {
  // In one transaction: another host may be starting it.
  const { id, status } = app.history.transaction(() => {
    const run = findRun(app, name);
    if (run.status === 'queued') leaveQueue(app, run);
    return run;
  });
  if (status === 'queued') return;
  const session = sessionsOf(app).get(id);
  if (session) session.stop();
  else stopRun(app, id);
}

/** Ends the process of a run that this program follows, at once. Throws UserError "run-not-followed". */
export function killRun(app: App, name: string): void {
  const { id } = findRun(app, name);
  const session = sessionsOf(app).get(id);
  if (session === undefined) {
    throw new UserError({
      code: 'run-not-followed',
      message: `The run ${id} is not followed by this program, so it cannot end it at once.`,
      fix: 'Stop it instead: it then ends after its current step.',
    });
  }
  session.kill();
}

/** Whether this program follows a run that would be lost with it. */
export function followedRuns(app: App): string[] {
  return [...sessionsOf(app).keys()];
}

/** Stops every run that this program follows and waits until they have saved. It starts no other run afterwards. */
export async function stopFollowedRuns(app: App): Promise<void> {
  held.add(app);
  const all = [...sessionsOf(app).values()];
  for (const session of all) session.stop();
  await Promise.allSettled(all.map(({ ended }) => ended));
}

/** Puts a waiting run before the one that has place `to` (0 is next). Throws UserError "run-not-queued". */
export function moveInQueue(app: App, name: string, to: number): void {
  const { id } = findRun(app, name);
  const { runs, transaction } = app.history;
  transaction(() => {
    const waiting = runs.queue().map((run) => run.id);
    if (!waiting.includes(id)) {
      throw new UserError({
        code: 'run-not-queued',
        message: `The run ${id} does not wait for its turn any more.`,
        fix: 'Look at its page: it has started or was taken out.',
      });
    }
    const others = waiting.filter((one) => one !== id);
    others.splice(Math.min(Math.max(0, to), others.length), 0, id);
    for (const [place, one] of others.entries()) runs.update(one, { queuePlace: place + 1 });
  });
}

/** Looks every second whether the next run can start, until the returned function is called. */
export function keepQueueMoving(app: App): () => void {
  const timer = setInterval(() => moveOn(app), LOOK_MS);
  moveOn(app);
  return () => clearInterval(timer);
}

/** Starts every run whose turn it is. */
function moveOn(app: App): void {
  if (held.has(app) || !app.history.isOpen || app.history.runs.queue().length === 0) return;
  // Which GPUs there are may have to be found out first.
  const places = placesOf(app, () => moveOn(app));
  const turn = places && turnOf(app, places);
  if (places === undefined || turn === undefined) return;
  if (begin(app, turn, places)) moveOn(app);
}

/** False where it is not its turn any more. */
function begin(app: App, turn: Turn, places: Places): boolean {
  const next = { id: turn.id };
  const records = gatherRecords(app, next.id);
  const isStillIts = (): boolean => isDeepStrictEqual(turnOf(app, places), turn);
  try {
    const session = resumeRun(app, next.id, (record: JobRecord) => records.add(record), {
      ...(turn.device !== undefined && { device: turn.device }),
      isStillIts,
    });
    sessionsOf(app).set(next.id, session);
    const over = (): void => {
      records.flush();
      sessionsOf(app).delete(next.id);
      moveOn(app);
    };
    session.ended.then(over, (error: unknown) => {
      console.error(error);
      over();
    });
  } catch (error) {
    // Another host was quicker, or the run's former process still saves: the next look tells.
    if (error instanceof UserError && error.code === 'run-under-way') return false;
    failToStart(app, next, error);
  }
  return true;
}

/** The run whose turn it is. It stays in the queue until resumeRun has claimed it. */
function turnOf(app: App, places: Places): Turn | undefined {
  const { runs } = app.history;
  const underWay = runs.underWay().filter((run) => isUnderWay(withTrueStatus(run)));
  return nextTurn(runs.queue().map(contender), underWay.map(contender), places);
}

const contender = (run: StoredRun): Contender => ({
  id: run.id,
  wanted: deviceAsked(run),
  // One that waits again may have trained elsewhere before.
  ...(run.status !== 'queued' && { device: run.device }),
});

function failToStart(app: App, { id }: Pick<StoredRun, 'id'>, error: unknown): void {
  const details =
    error instanceof UserError
      ? error.toDetails()
      : { code: 'internal', message: `The run could not be started: ${messageOf(error)}`, fix: 'Start it again.' };
  if (!(error instanceof UserError)) console.error(error);
  app.history.events.add(id, { recordedAt: Date.now(), level: 'error', message: details.message });
  app.history.runs.update(id, {
    status: 'failed',
    error: details,
    endedAt: Date.now(),
    queuePlace: null,
    queuedFrom: null,
    host: null,
  });
}

function leaveQueue(app: App, run: StoredRun): void {
  app.history.runs.update(run.id, {
    status: run.queuedFrom ?? 'stopped',
    queuePlace: null,
    queuedFrom: null,
  });
}

const lastPlace = (app: App): number => app.history.runs.queue().at(-1)?.queuePlace ?? 0;
