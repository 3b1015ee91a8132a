// Thins a line to what a screen can show: in each pixel column the first, lowest, highest and last point, so that the
// drawn line covers the same pixels as the whole (M4: Jugel et al. 2014, "M4: A Visualization-Oriented Time Series Data
// Aggregation").
import { firstAtLeast } from './columns.ts';

/** Points of a line, x ascending. */
export type Points = { x: Float64Array; y: Float64Array };

/** What is visible of an axis. */
export type Range = { min: number; max: number };

/**
 * At most 4 points for each of `columns` pixel columns of the range, and the nearest point on either side of it, so that
 * the line runs on to the edges. Points that are not numbers are left out; so are those `keep` says no to.
 */
export function thin(
  { x, y }: Points,
  { min, max }: Range,
  columns: number,
  keep?: (value: number) => boolean,
): Points {
  const shown = (i: number): boolean => {
    const value = y[i] ?? Number.NaN;
    return Number.isFinite(value) && (keep === undefined || keep(value));
  };
  const first = firstAtLeast(x, min);
  let end = firstAtLeast(x, max);
  while (end < x.length && x[end] === max) end += 1;
  const places: number[] = [];
  let before = first - 1;
  while (before >= 0 && !shown(before)) before -= 1;
  if (before >= 0) places.push(before);

  if (end - first <= 4 * columns) {
    for (let i = first; i < end; i++) if (shown(i)) places.push(i);
  } else {
    const perUnit = columns / (max - min || 1);
    let i = first;
    while (i < end) {
      const pixel = Math.floor(((x[i] ?? 0) - min) * perUnit);
      let [from, low, high, last] = [-1, -1, -1, -1];
      for (; i < end && Math.floor(((x[i] ?? 0) - min) * perUnit) === pixel; i++) {
        if (!shown(i)) continue;
        if (from < 0) from = low = high = i;
        if ((y[i] ?? 0) < (y[low] ?? 0)) low = i;
        if ((y[i] ?? 0) > (y[high] ?? 0)) high = i;
        last = i;
      }
      if (from < 0) continue;
      let previous = -1;
      for (const place of [from, Math.min(low, high), Math.max(low, high), last]) {
        if (place > previous) places.push(place);
        previous = Math.max(previous, place);
      }
    }
  }

  let after = end;
  while (after < x.length && !shown(after)) after += 1;
  if (after < x.length) places.push(after);
  return { x: Float64Array.from(places, (i) => x[i] ?? 0), y: Float64Array.from(places, (i) => y[i] ?? 0) };
}

/** One ascending x for several lines, as uPlot wants its data: a line has null where it has no point. */
export function align(lines: readonly Points[]): [number[], ...(number | null)[][]] {
  const places = lines.map(() => 0);
  const xs: number[] = [];
  const ys: (number | null)[][] = lines.map(() => []);
  for (;;) {
    let next = Infinity;
    lines.forEach(({ x }, l) => (next = Math.min(next, x[places[l] ?? 0] ?? Infinity)));
    if (next === Infinity) return [xs, ...ys];
    xs.push(next);
    lines.forEach(({ x, y }, l) => {
      const place = places[l] ?? 0;
      const here = x[place] === next;
      ys[l]?.push(here ? (y[place] ?? null) : null);
      if (here) places[l] = place + 1;
    });
  }
}
