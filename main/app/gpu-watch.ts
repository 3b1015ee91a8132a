// Looks at the GPU of a run while it trains, in the host and at its own pace, so that no step waits for it.
import type { GpuUsage } from '../cuda/nvidia-smi.ts';
import type { JobRecord, Metrics } from '../../preload/contract.ts';
import type { GpuReader } from './gpu-readers.ts';

/** The driver's tool takes some hundredths of a second of a core. */
const EVERY_MS = 5000;
/** Where nothing is to be had, it is looked for soon, for a device may not be open yet, and then ever more rarely. */
const MOST_PAUSE_MS = 80_000;
const MEGABYTE = 1e6;

export class GpuWatch {
  readonly #find: () => Promise<GpuReader | undefined>;
  readonly #everyMs: number;
  #reader: GpuReader | undefined;
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  #pauseMs: number;
  #latest: { usage: GpuUsage; at: number } | undefined;
  #peakBytes = 0;
  /** Of utilization since the last logged row. */
  #sum = 0;
  #count = 0;

  /** `find` is asked until it finds one. */
  constructor(find: () => Promise<GpuReader | undefined>, everyMs = EVERY_MS) {
    this.#find = find;
    this.#everyMs = everyMs;
    this.#pauseMs = everyMs / 4;
  }

  /** Looks now and again and again until it is ended. */
  begin(): void {
    void this.#look();
  }

  end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  /** What it uses now; undefined where that is not known, or not any more. */
  get now(): GpuUsage | undefined {
    const isOld = this.#latest === undefined || performance.now() - this.#latest.at > 3 * this.#everyMs;
    return isOld ? undefined : this.#latest?.usage;
  }

  get index(): number | undefined {
    return this.#reader?.index;
  }

  /** Adds to a logged step and to the end of the run what was seen since the last one. */
  addTo<Row extends JobRecord>(record: Row): Row {
    const isLogged = (record.type === 'step' && record.metrics !== undefined) || record.type === 'end';
    return isLogged ? { ...record, metrics: { ...record.metrics, ...this.#take() } } : record;
  }

  #take(): Metrics {
    const usage = this.now;
    const metrics: Metrics = {};
    if (usage !== undefined) {
      metrics.gpu_memory_usage_megabytes = inMegabytes(usage.memoryBytes);
      const utilization = this.#count > 0 ? this.#sum / this.#count : usage.utilizationPercent;
      if (utilization !== null) metrics.gpu_utilization_percentage = Math.round(10 * utilization) / 10;
    }
    if (this.#peakBytes > 0) metrics.gpu_memory_peak_megabytes = inMegabytes(this.#peakBytes);
    this.#sum = 0;
    this.#count = 0;
    return metrics;
  }

  async #look(): Promise<void> {
    let usage: GpuUsage | undefined;
    try {
      this.#reader ??= await this.#find();
      usage = await this.#reader?.read();
    } catch (error) {
      // Figures are not worth a run.
      console.error('The GPU could not be looked at:', error);
    }
    if (this.#over) return;
    if (usage !== undefined) this.#keep(usage);
    this.#pauseMs = usage === undefined ? Math.min(2 * this.#pauseMs, MOST_PAUSE_MS) : this.#everyMs;
    this.#timer = setTimeout(() => void this.#look(), this.#pauseMs);
    this.#timer.unref();
  }

  #keep(usage: GpuUsage): void {
    this.#latest = { usage, at: performance.now() };
    this.#peakBytes = Math.max(this.#peakBytes, usage.memoryBytes);
    if (usage.utilizationPercent === null) return;
    this.#sum += usage.utilizationPercent;
    this.#count += 1;
  }
}

const inMegabytes = (bytes: number): number => Math.round(bytes / MEGABYTE);
