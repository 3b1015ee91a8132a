// How fast something grows, over the last seconds: steady enough to read, quick enough to follow a change.

const WINDOW_MS = 5000;
/** Pieces come by the thousand; the points need not. */
const SPACING_MS = 100;
/** Less says nothing yet. */
const LEAST_MS = 500;

export class Speed {
  #points: { at: number; amount: number }[] = [];

  add(amount: number, at = performance.now()): void {
    const [previous, last] = [this.#points.at(-2), this.#points.at(-1)];
    // What shrank was begun anew.
    if (last && amount < last.amount) this.#points = [];
    else if (previous && at - previous.at < SPACING_MS) this.#points.pop();
    this.#points.push({ at, amount });
    while ((this.#points[0]?.at ?? at) < at - WINDOW_MS) this.#points.shift();
  }

  /** Null before anything is known. */
  perSecond(at = performance.now()): number | null {
    const [first, last] = [this.#points[0], this.#points.at(-1)];
    if (!first || !last || at - first.at < LEAST_MS) return null;
    return ((last.amount - first.amount) / (at - first.at)) * 1000;
  }
}
