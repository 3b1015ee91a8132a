// Sends what an earlier process could not: the queues in the folders of runs that nobody follows any more.
import { access, readFile } from 'node:fs/promises';
import { Delivery, queueFile, stateFile, usualTiming, type Timing } from './delivery.ts';
import { trackerTargets } from './registry.ts';
import type { Environment, ReadSecret, TrackedEnd, TrackedRun, TrackerTarget } from './tracker.ts';

export type SendOptions = {
  environment: Environment;
  readSecret: ReadSecret;
  timing?: Timing;
  /** How long one queue may take. */
  ms?: number;
  /** Aborted: leaves the rest where it is. */
  signal?: AbortSignal;
};

const QUEUE_MS = 600_000;

/** Trackers that have not got everything of the run in this folder. */
export async function trackersLeftOver(runDir: string): Promise<TrackerTarget[]> {
  const checked = await Promise.all(
    trackerTargets
      .filter((target) => target.queuesOnDisk)
      .map(async (target) => ((await isLeftOver(runDir, target.name)) ? [target] : [])),
  );
  return checked.flat();
}

async function isLeftOver(runDir: string, name: string): Promise<boolean> {
  try {
    await access(queueFile(runDir, name));
    return true;
  } catch {
    // No queue: the end may still be missing, where a process died while everything had been sent.
  }
  try {
    const state = JSON.parse(await readFile(stateFile(runDir, name), 'utf8')) as { ended?: unknown };
    return state.ended === false;
  } catch {
    return false;
  }
}

/** How many entries of the log were sent, and how many still wait. `status` is how the run ended. Never rejects. */
export async function sendLeftOver(
  run: TrackedRun,
  target: TrackerTarget,
  status: TrackedEnd,
  { timing = usualTiming, ms = QUEUE_MS, signal, ...options }: SendOptions,
): Promise<{ sent: number; waiting: number }> {
  const delivery = new Delivery(run, target, { ...options, timing, tell: () => undefined, endedAs: status });
  const leave = (): void => {
    delivery.abandon();
  };
  signal?.addEventListener('abort', leave, { once: true });
  await delivery.close(ms);
  signal?.removeEventListener('abort', leave);
  return { sent: delivery.arrived, waiting: delivery.waiting };
}
