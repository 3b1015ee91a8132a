// How fast a run goes, and what that means for its end.
import { timeLeftText } from '../ui/wording.ts';
import type { Curves } from '../charts/curves.ts';

/** So many of the newest steps tell the pace: enough for a mean, few enough to follow a change. */
const NEWEST = 50;

/** Means over the newest steps; null where no times are known. */
export function paceOf({ train }: Curves): { stepMs: number; tokensPerSecond: number } | null {
  const times = newest(train.column('step_ms'));
  const rates = newest(train.column('tokens_per_second'));
  if (times.length === 0) return null;
  const totalMs = sum(times);
  // Tokens over time, not the mean of rates: short steps would count for too much.
  const tokens = times.reduce((all, ms, i) => all + ms * (rates[i] ?? 0), 0);
  return { stepMs: totalMs / times.length, tokensPerSecond: tokens / totalMs };
}

/** "about 12 minutes left". */
export function remainingText(stepsLeft: number, stepMs: number): string {
  return timeLeftText(stepsLeft * stepMs);
}

const newest = (column: Float64Array): Float64Array => column.slice(-NEWEST).filter(Number.isFinite);
const sum = (values: Float64Array): number => values.reduce((all, value) => all + value, 0);
