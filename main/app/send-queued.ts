// Sends to trackers what was queued while they could not be reached, for runs that nobody follows any more. Hosts call
// it when they start; it costs a look into the folder of each tracked run.
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrackedEnd } from '../trackers/tracker.ts';
import { sendLeftOver, trackersLeftOver } from '../trackers/left-over.ts';
import type { StoredRun } from '../store/runs.ts';
import { runFolder, type App } from './app.ts';
import { isUnderWay, withTrueStatus } from './find-run.ts';
import { isAlive, thisProcess } from './process-identity.ts';
import { reportTo, trackedRun } from './track-run.ts';

const EVERY_MS = 600_000;

/**
 * Goes through all runs, oldest first; a tracker that does not take everything of one is not asked again. Of two
 * processes that do this at a time, one does. Never rejects.
 */
export async function sendQueued(app: App, signal?: AbortSignal): Promise<void> {
  const lock = join(app.home.folder, 'sending-to-trackers');
  if (!(await takeLock(lock))) return;
  try {
    const unreachable = new Set<string>();
    for (const { id } of app.history.lines.list().reverse()) {
      if (signal?.aborted === true) return;
      await sendOf(app, id, unreachable, signal);
    }
  } finally {
    await rm(lock, { force: true });
  }
}

/** Now and every ten minutes, for hosts that stay; until the returned function is called. */
export function keepSendingQueued(app: App): () => void {
  const stopped = new AbortController();
  const send = (): void => void sendQueued(app, stopped.signal);
  const timer = setInterval(send, EVERY_MS);
  send();
  return () => {
    clearInterval(timer);
    stopped.abort();
  };
}

async function sendOf(app: App, id: string, unreachable: Set<string>, signal?: AbortSignal): Promise<void> {
  const isAborted = (): boolean => signal?.aborted === true;
  const waiting = await waitingRun(app, id);
  if (waiting === undefined) return;
  for (const target of waiting.targets) {
    if (unreachable.has(target.name) || isAborted()) continue;
    const { sent, waiting: left } = await sendLeftOver(trackedRun(app, waiting.run), target, waiting.status, {
      environment: process.env,
      readSecret: app.secrets.readOrThrow,
      ...(signal !== undefined && { signal }),
    });
    if (left > 0) unreachable.add(target.name);
    if (sent === 0 || isAborted()) continue;
    const message = `${target.title}: ${sent} queued log rows were sent${left > 0 ? `, ${left} still wait` : ''}.`;
    app.history.events.add(id, { recordedAt: Date.now(), level: 'info', message });
  }
}

type Waiting = { run: StoredRun; status: TrackedEnd; targets: Awaited<ReturnType<typeof trackersLeftOver>> };

async function waitingRun(app: App, id: string): Promise<Waiting | undefined> {
  const stored = app.history.runs.get(id);
  if (stored === undefined || reportTo(stored.recipe).length === 0) return undefined;
  const targets = await trackersLeftOver(runFolder(app, stored));
  if (targets.length === 0) return undefined;
  const { status } = withTrueStatus(stored);
  // A run that is under way sends its own queue.
  if (status === 'queued' || isUnderWay({ ...stored, status })) return undefined;
  return { run: stored, status: endOf(status), targets };
}

function endOf(status: StoredRun['status']): TrackedEnd {
  return status === 'completed' || status === 'stopped' || status === 'failed' ? status : 'interrupted';
}

/** False where a living process holds it. */
async function takeLock(file: string): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(JSON.stringify(thisProcess()));
      await handle.close();
      return true;
    } catch {
      if (await isHeld(file)) return false;
      await rm(file, { force: true });
    }
  }
  return false;
}

async function isHeld(file: string): Promise<boolean> {
  try {
    const holder = JSON.parse(await readFile(file, 'utf8')) as Partial<ReturnType<typeof thisProcess>>;
    return (
      typeof holder.pid === 'number' &&
      typeof holder.identity === 'string' &&
      isAlive({ pid: holder.pid, identity: holder.identity })
    );
  } catch {
    return false;
  }
}
