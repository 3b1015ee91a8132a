// How often something may be done: so many times within a window of time that moves along.

export class Pace {
  #times: number[] = [];
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #now: () => number;

  constructor(limit: number, windowMs: number, now: () => number = Date.now) {
    this.#limit = limit;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** Counts one more, and says whether it still may be done. */
  allows(): boolean {
    const now = this.#now();
    this.#times = this.#times.filter((at) => now - at < this.#windowMs);
    if (this.#times.length >= this.#limit) return false;
    this.#times.push(now);
    return true;
  }
}
