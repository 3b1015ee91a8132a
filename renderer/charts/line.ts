// A line of a chart, and what stands on it.
import { firstAtLeast } from './columns.ts';
import type { Points } from './thin.ts';

export type Line = Points & {
  label: string;
  /** A CSS variable: "--accent". */
  color: string;
  /** Faint for what was measured where a smoothed line stands before it; points for what is measured now and then. */
  look: 'faint' | 'strong' | 'points';
  /** Lengths of strokes and gaps, to tell lines apart without their colours. */
  dash?: number[];
  /** Kept out of the legend: the line before it says the same. */
  unnamed?: boolean;
};

export type Marks = {
  /** Diamonds on the axis. */
  checkpoints: readonly number[];
  /** A star. */
  best: { x: number; y: number } | null;
  /** Ticks with text. */
  events: readonly { x: number; text: string; level: 'info' | 'warning' | 'error' }[];
};

/** What a line says at a place of the axis: its last value up to there, its newest where there is no place. */
export function valueAt({ x, y }: Points, place: number | null): number | undefined {
  let i = place === null ? x.length - 1 : firstAtLeast(x, place);
  if (x[i] !== place && place !== null) i -= 1;
  while (i >= 0 && !Number.isFinite(y[i])) i -= 1;
  return y[i];
}
