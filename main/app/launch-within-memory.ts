// Keeps a run going where the system ends its process for want of memory: another one goes on from the last checkpoint
// with half the rows at once.
import type { JobRecord } from '../../preload/contract.ts';
import type { StoredCheckpoint } from '../store/journal.ts';
import { halved } from '../training/batch-limit.ts';
import type { JobSpec } from '../training/job.ts';
import type { App } from './app.ts';
import { reconcileCheckpoints } from './checkpoints-on-disk.ts';
import type { JobExit } from './job.ts';
import { type DeviceJob, launchOnDevice } from './launch-on-device.ts';
import { halvedOnceMore, halvingsTo, watchMemoryKills } from './memory-kill.ts';

type Hooks = Parameters<typeof launchOnDevice>[2] & {
  /** Called before a process takes the place of another one. */
  beforeAnother: () => Promise<void>;
};

/** `ranOut`: the system ended the last process for want of memory. */
export type KeptGoing = Omit<DeviceJob, 'exited'> & { exited: Promise<JobExit & { ranOut: boolean }> };

export function launchWithinMemory(app: App, job: JobSpec, hooks: Hooks): KeptGoing {
  const { recipe } = job;
  let halvings = job.halvings ?? 0;
  let isEnding = false;
  let hasEnded = false;
  let started: boolean;
  let lastStep = 0;

  function onRecord(record: JobRecord): void {
    if (record.type === 'start') started = true;
    if (record.type === 'start') lastStep = record.startStep;
    if (record.type === 'step') lastStep = record.step;
    if (record.type === 'end') hasEnded = true;
    if (record.type === 'event' && record.rowsAtOnce !== undefined)
      halvings = Math.max(halvings, halvingsTo(record.rowsAtOnce, recipe.per_device_train_batch_size));
    hooks.onRecord(record);
  }

  function begin(next: JobSpec): { launched: DeviceJob; gone: Promise<JobExit & { ranOut: boolean }> } {
    started = false;
    const wasMemory = watchMemoryKills(app.memoryKills);
    const launched = launchOnDevice(app, next, { ...hooks, onRecord });
    return { launched, gone: launched.exited.then((exit) => ({ ...exit, ranOut: wasMemory(exit) })) };
  }
  let current = begin(job);
  /** To end, in the meantime. */
  const hasBeenTold = (): boolean => isEnding;

  async function keepGoing(): Promise<JobExit & { ranOut: boolean }> {
    for (;;) {
      const exit = await current.gone;
      const next = halvedOnceMore(recipe, halvings);
      if (!exit.ranOut || next === undefined || isEnding || hasEnded) return exit;
      halvings = next;
      await hooks.beforeAnother();
      if (hasBeenTold()) return exit;
      const checkpoint = reconcileCheckpoints(app, { id: job.runId }).at(-1);
      const rows = halved(recipe.per_device_train_batch_size, halvings);
      hooks.onRecord({
        type: 'event',
        level: 'warning',
        step: lastStep,
        message:
          `Memory ran out, and the system ended the training process ${momentOf({ started, lastStep })}. The run goes ` +
          `on ${originOf(checkpoint)} with at most ${rows === 1 ? 'one row' : `${rows} rows`} at once: the same ` +
          'mathematics, a little slower.',
      });
      current = begin({ ...job, halvings, ...(checkpoint && { resumeFrom: checkpoint.path }) });
    }
  }
  return {
    stop() {
      isEnding = true;
      current.launched.stop();
    },
    kill() {
      isEnding = true;
      current.launched.kill();
    },
    exited: keepGoing(),
  };
}

/** When a process ended. */
export function momentOf({ started, lastStep }: { started: boolean; lastStep: number }): string {
  if (!started) return 'while preparing';
  return lastStep === 0 ? 'before the first step' : `after step ${lastStep}`;
}

/** Where a run goes on. */
export const originOf = (checkpoint: StoredCheckpoint | undefined): string =>
  checkpoint === undefined ? 'from the beginning' : `from its checkpoint at step ${checkpoint.step}`;
