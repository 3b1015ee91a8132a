// Looks a metric up in a run's history.
import type { RunDetail } from '../../preload/contract.ts';

/** The value that was logged last under `name`, undefined where there is none. */
export function latestValue(rows: RunDetail['metrics'], name: string): number | undefined {
  return rows.findLast((row) => row.values[name] !== undefined)?.values[name];
}
