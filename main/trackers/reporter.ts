// Hands what a job says to the trackers that report_to names. Nothing here waits, and nothing here throws: a tracker
// may hang or fail, the run goes on.
import type { JobRecord } from '../../preload/contract.ts';
import { Delivery, usualTiming, type Timing } from './delivery.ts';
import { withSystemNames } from './metric-names.ts';
import { trackerTarget, trackerTargets } from './registry.ts';
import type { Environment, ReadSecret, Tell, TrackedEnd, TrackedRun, TrackerEntry } from './tracker.ts';

export type ReporterOptions = {
  environment: Environment;
  readSecret: ReadSecret;
  /** States of trackers, as events of the run. */
  tell: Tell;
  timing?: Timing;
  /** How long the end of a run waits for what is not sent yet. */
  closeMs?: number;
};

export type Reporter = {
  /** Takes start, step and evaluation; others are not tracked. `gpu` counts the one it trains on. Returns at once. */
  record(record: JobRecord, gpu?: number): void;
  /** Says how the run ended and sends what is left, for a bounded time; the rest stays on the disk. Never rejects. */
  end(status: TrackedEnd): Promise<void>;
};

const CLOSE_MS = 5000;

/** Nothing is opened or sent before the first record of training: of a run that is refused nothing is left. */
export function createReporter(run: TrackedRun, names: readonly string[], options: ReporterOptions): Reporter {
  const { timing = usualTiming, closeMs = CLOSE_MS, ...rest } = options;
  let deliveries: Delivery[] | undefined;

  function open(): Delivery[] {
    return [...new Set(names)].flatMap((name) => {
      const target = trackerTarget(name);
      if (target !== undefined) return [new Delivery(run, target, { ...rest, timing })];
      const known = trackerTargets.map((one) => one.name).join(', ');
      options.tell(`report_to: there is no tracker ${name} here; there are ${known}.`, 'warning');
      return [];
    });
  }

  return {
    record(record, gpu = 0) {
      const entry = entryOf(record, gpu);
      if (entry === undefined) return;
      deliveries ??= open();
      for (const delivery of deliveries) delivery.push(entry);
    },
    async end(status) {
      const ending = deliveries ?? [];
      deliveries = undefined;
      for (const delivery of ending) delivery.push({ type: 'end', at: Date.now(), status });
      await Promise.all(ending.map((delivery) => delivery.close(closeMs)));
    },
  };
}

function entryOf(record: JobRecord, gpu: number): TrackerEntry | undefined {
  const at = Date.now();
  if (record.type === 'start') return { type: 'start', at, step: record.startStep };
  if (record.type === 'evaluation') return { type: 'metrics', at, step: record.step, metrics: record.metrics };
  if (record.type !== 'step' || record.metrics === undefined) return undefined;
  return { type: 'metrics', at, step: record.step, metrics: withSystemNames(record.metrics, gpu) };
}
