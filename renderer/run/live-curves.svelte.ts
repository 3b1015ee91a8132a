// The measurements of a run as they come: read once, then added to, and shown at most once per frame of the screen.
import type { ErrorDetails, JobRecord } from '../../preload/contract.ts';
import { Curves } from '../charts/curves.ts';
import { host } from '../state/host.ts';
import { loadCurves } from './load-curves.ts';

/** A job's steps reach the history within half a second. */
const UNTIL_WRITTEN_MS = 700;
/** For so long after a record a run is told by its records, and the history need not be asked. */
const TOLD_MS = 2000;

export class LiveCurves {
  /** Grows; `version` says when. */
  readonly curves = new Curves();
  version = $state(0);
  loaded = $state(false);
  failure = $state.raw<ErrorDetails | null>(null);

  readonly #run: string;
  /** Records that came while the history was being read. */
  #waiting: JobRecord[] = [];
  #loading = false;
  #loadAgain = false;
  #toldAt = -Infinity;
  #frame = 0;

  constructor(run: string) {
    this.#run = run;
  }

  /** Reads and follows the run until the returned function is called. Use it as an effect. */
  follow(): () => void {
    const stopHearing = host.onEvent((event) => {
      if (event.type === 'run-records' && event.run === this.#run) {
        this.#toldAt = performance.now();
        this.#waiting.push(...event.records);
        if (this.#loading) return;
        if (this.#misses()) void this.#load();
        else this.#takeWaiting();
      } else if (event.type === 'history-changed' && performance.now() - this.#toldAt > TOLD_MS) {
        void this.#load();
      }
    });
    void this.#load();
    return () => {
      stopHearing();
      cancelAnimationFrame(this.#frame);
    };
  }

  /** Reads what is new. One call at a time: changes meanwhile lead to exactly one more. */
  async #load(): Promise<void> {
    if (this.#loading) {
      this.#loadAgain = true;
      return;
    }
    this.#loading = true;
    await this.#read();
    if (this.#misses()) {
      // Told before this page listened, and not written yet.
      this.loaded = true;
      this.#show();
      await new Promise((resolve) => setTimeout(resolve, UNTIL_WRITTEN_MS));
      await this.#read();
    }
    this.#loading = false;
    this.loaded = true;
    this.#takeWaiting();
    this.#show();
  }

  async #read(): Promise<void> {
    do {
      this.#loadAgain = false;
      this.failure = await loadCurves(this.#run, this.curves);
    } while (this.#askedMeanwhile());
  }

  #askedMeanwhile(): boolean {
    return this.#loadAgain;
  }

  /** Whether steps are missing before the records that came. */
  #misses(): boolean {
    const first = this.#waiting.find((record) => record.type === 'step' || record.type === 'start');
    return first?.type === 'step' && first.step > this.curves.lastStep + 1;
  }

  #takeWaiting(): void {
    const records = this.#waiting;
    this.#waiting = [];
    for (const record of records) this.curves.addRecord(record);
    if (records.length > 0) this.#show();
  }

  #show(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.version += 1;
    });
  }
}
