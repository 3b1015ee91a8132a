// Brings the log of one run to one tracker, on its own time: whoever hands an entry over never waits. Says once what
// goes wrong, tries again with growing pauses, and leaves on the disk what could not be sent.
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import { EntryQueue, type Batch } from './queue.ts';
import { openTrackerState, type TrackerState } from './state-file.ts';
import {
  DeliveryError,
  type Environment,
  type ReadSecret,
  type Tell,
  type TrackedEnd,
  type TrackedRun,
  type Tracker,
  type TrackerEntry,
  type TrackerTarget,
} from './tracker.ts';

export type Timing = {
  /** One request. */
  requestMs: number;
  /** The first pause after a failure; each further one is twice as long, up to `longestPauseMs`. */
  pauseMs: number;
  longestPauseMs: number;
};

export const usualTiming: Timing = { requestMs: 10_000, pauseMs: 1000, longestPauseMs: 300_000 };

export type DeliveryOptions = {
  environment: Environment;
  readSecret: ReadSecret;
  tell: Tell;
  timing: Timing;
  /** How the run ended, for what an earlier process left without an end. */
  endedAs?: TrackedEnd;
};

/** Folder in the run's folder. */
const FOLDER = 'trackers';
/** A network that comes and goes must not fill the history. */
const OUTAGES_TOLD = 5;
const DISK_MS = 2000;

export const queueFile = (runDir: string, name: string): string => join(runDir, FOLDER, `${name}.jsonl`);
export const stateFile = (runDir: string, name: string): string => join(runDir, FOLDER, `${name}.json`);

export class Delivery {
  readonly #run: TrackedRun;
  readonly #target: TrackerTarget;
  readonly #options: DeliveryOptions;
  readonly #aborted = new AbortController();
  readonly #before: TrackerEntry[] = [];
  #queue: EntryQueue | undefined;
  readonly #finished: Promise<void>;
  #wake: () => void = () => undefined;
  #closing = false;
  #blocked = false;
  #connected = false;
  #pauseMs = 0;
  #retryAt = 0;
  #beatAt = 0;
  #outages = 0;
  #isOut = false;
  #arrived = 0;
  #leftOut = 0;
  #toldDisk = false;
  #hasEnd = false;

  constructor(run: TrackedRun, target: TrackerTarget, options: DeliveryOptions) {
    this.#run = run;
    this.#target = target;
    this.#options = options;
    this.#finished = this.#work().catch((error: unknown) => {
      this.#tell(`ended by an error of Lorelei: ${messageOf(error)}`, 'error');
    });
  }

  /** Entries that have arrived. */
  get arrived(): number {
    return this.#arrived;
  }

  /** Entries that have not. */
  get waiting(): number {
    return this.#before.length + (this.#queue?.length ?? 0);
  }

  /** Returns at once, whatever the tracker does. */
  push(entry: TrackerEntry): void {
    if (entry.type === 'end') this.#hasEnd = true;
    if (this.#queue === undefined) this.#before.push(entry);
    else this.#queue.push(entry);
    this.#wake();
  }

  /** Sends what is left, for about `ms` at most; keeps the rest on the disk and says so. Never rejects. */
  async close(ms: number): Promise<void> {
    this.#closing = true;
    this.#retryAt = 0;
    this.#wake();
    const timer = setTimeout(() => {
      this.abandon();
    }, ms);
    // A disk that hangs is waited for no longer than a network.
    let givenUp: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      givenUp = setTimeout(resolve, ms + DISK_MS);
    });
    await Promise.race([this.#finished, patience]);
    clearTimeout(timer);
    clearTimeout(givenUp);
  }

  /** Sends nothing more; what is queued stays on the disk. */
  abandon(): void {
    this.#aborted.abort();
    this.#wake();
  }

  #tell(message: string, level: Parameters<Tell>[1]): void {
    this.#options.tell(`${this.#target.title}: ${message}`, level);
  }

  readonly #diskProblem = (error: unknown): void => {
    if (this.#toldDisk) return;
    this.#toldDisk = true;
    this.#tell(`its queue cannot be kept on the disk (${messageOf(error)}); it stays in memory.`, 'warning');
  };

  async #work(): Promise<void> {
    const { name, queuesOnDisk } = this.#target;
    const { runDir } = this.#run;
    const state = await openTrackerState(stateFile(runDir, name), this.#diskProblem);
    const file = queuesOnDisk ? queueFile(runDir, name) : undefined;
    const queue = new EntryQueue({ file, state, onProblem: this.#diskProblem });
    await queue.open();
    const { endedAs } = this.#options;
    if (endedAs === undefined) await state.set({ ended: false });
    else if (!state.flag('ended')) this.push({ type: 'end', at: Date.now(), status: endedAs });
    for (const entry of this.#before.splice(0)) queue.push(entry);
    this.#queue = queue;
    const tracker = this.#createTracker(state);
    while (!this.#aborted.signal.aborted) {
      const batch = this.#mayTry() ? await queue.next(this.#target.batch) : undefined;
      if (batch !== undefined) {
        await this.#attempt(tracker, batch);
        if (this.#closing && this.#isOut) break;
      } else if (this.#closing) break;
      else await this.#rest(tracker);
    }
    try {
      await tracker.close?.();
    } catch (error) {
      this.#tell(`could not be closed: ${messageOf(error)}.`, 'warning');
    }
    await queue.close();
    if (this.#hasEnd) await state.set({ ended: true });
    this.#tellRest(queue);
  }

  #tellRest(queue: EntryQueue): void {
    const { length, dropped } = queue;
    if (this.#leftOut > 1) this.#tell(`left out ${this.#leftOut} pieces of the log in all.`, 'warning');
    if (length > 0 && this.#target.queuesOnDisk && !this.#toldDisk) {
      const file = queueFile(this.#run.runDir, this.#target.name);
      this.#tell(`${length} log rows are still to be sent. They wait in ${file}.`, 'warning');
    } else if (length + dropped > 0) {
      this.#tell(`${length + dropped} log rows are lost: neither the tracker nor the disk took them.`, 'warning');
    }
  }

  #createTracker(state: TrackerState): Tracker {
    const { environment, readSecret, timing } = this.#options;
    return this.#target.create(this.#run, {
      environment,
      readSecret,
      state,
      signal: this.#aborted.signal,
      requestMs: timing.requestMs,
      leaveOut: (reason) => {
        this.#leaveOut(reason);
      },
    });
  }

  #leaveOut(reason: string): void {
    this.#leftOut += 1;
    if (this.#leftOut === 1) this.#tell(`left out ${reason}.`, 'warning');
  }

  #mayTry(): boolean {
    return !this.#blocked && Date.now() >= this.#retryAt;
  }

  async #attempt(tracker: Tracker, batch: Batch): Promise<void> {
    const { length } = batch.entries;
    const succeeded = await this.#attemptTo(async () => {
      if (!this.#connected) {
        const where = await tracker.connect();
        this.#connected = true;
        this.#tell(`${where}.`, 'info');
      }
      await tracker.send(batch.entries);
    });
    if (succeeded === 'no') return;
    await batch.done();
    if (succeeded === 'yes') this.#arrived += length;
  }

  /** "left out": it will never succeed. */
  async #attemptTo(work: () => Promise<void> | undefined): Promise<'yes' | 'no' | 'left out'> {
    try {
      await work();
    } catch (error) {
      if (this.#aborted.signal.aborted) return 'no';
      if (error instanceof DeliveryError && error.problem === 'rejected') {
        // An experiment that cannot be made is not made by the next entry either.
        if (!this.#connected) return this.#block(`${error.message}. ${this.#whereItWaits()}`, 'warning');
        this.#leaveOut(`what it was sent: ${error.message}`);
        return 'left out';
      }
      if (error instanceof DeliveryError && error.problem === 'unreachable') this.#pause(error.message);
      else if (error instanceof DeliveryError) this.#block(`${error.message}. ${this.#whereItWaits()}`, 'warning');
      else this.#block(`stopped by an error of Lorelei: ${messageOf(error)}`, 'error');
      return 'no';
    }
    this.#recovered();
    return 'yes';
  }

  #block(message: string, level: 'warning' | 'error'): 'no' {
    this.#blocked = true;
    this.#tell(message, level);
    return 'no';
  }

  #whereItWaits(): string {
    return this.#target.queuesOnDisk
      ? `The log is kept in ${queueFile(this.#run.runDir, this.#target.name)} and sent once this is settled.`
      : 'Nothing more is tried for this run.';
  }

  #pause(reason: string): void {
    const { pauseMs, longestPauseMs } = this.#options.timing;
    this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs === 0 ? pauseMs : 2 * this.#pauseMs);
    this.#retryAt = Date.now() + this.#pauseMs;
    if (this.#isOut) return;
    this.#isOut = true;
    this.#outages += 1;
    if (this.#outages > OUTAGES_TOLD) return;
    this.#tell(
      this.#target.queuesOnDisk
        ? `offline: ${reason}. The log is queued on this disk and sent later; the run goes on.`
        : `${reason}. The log is kept in memory and written later; the run goes on.`,
      'warning',
    );
  }

  #recovered(): void {
    this.#pauseMs = 0;
    if (!this.#isOut) return;
    this.#isOut = false;
    if (this.#outages > OUTAGES_TOLD) return;
    this.#tell(
      `${this.#target.queuesOnDisk ? 'online again' : 'works again'}; ${this.waiting} log rows follow.`,
      'info',
    );
  }

  /** Until there is something to send, or it is time to try again or to show signs of life. */
  async #rest(tracker: Tracker): Promise<void> {
    const { beatMs } = this.#target;
    const beats = beatMs !== undefined && tracker.beat !== undefined && this.#connected && !this.#blocked;
    if (beats && Date.now() >= this.#beatAt && this.#mayTry()) {
      this.#beatAt = Date.now() + beatMs;
      await this.#attemptTo(() => tracker.beat?.());
      return;
    }
    const next = Math.min(
      this.#blocked ? Infinity : this.#retryAt > Date.now() ? this.#retryAt : Infinity,
      beats ? Math.max(this.#beatAt, this.#retryAt) : Infinity,
    );
    await new Promise<void>((resolve) => {
      const timer = next === Infinity ? undefined : setTimeout(resolve, Math.max(1, next - Date.now()));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }
}
