// Tells a run's events what was found in its data.
import type { JobRecord } from '../../preload/contract.ts';
import type { DataReport } from '../data/load-dataset.ts';

/** One sentence: rows that are usable, and what is wrong with the others. */
export function reportProblems(report: DataReport, phase: string, post: (record: JobRecord) => void): void {
  const counts = [
    [report.truncated, 'cut to max_length'],
    [report.noTrainedToken, 'dropped: no token to train on'],
    [report.identical, 'dropped: both answers are the same'],
    [report.empty, 'empty'],
    [report.invalid, 'invalid'],
    [report.duplicates, 'seen before'],
  ] as const;
  const told = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  post({
    type: 'event',
    level: report.invalid + report.noTrainedToken + report.identical > 0 ? 'warning' : 'info',
    message: `${phase}: ${report.usable} of ${report.rows} rows usable (${report.shape})${told.length ? `; ${told.join(', ')}` : ''}.`,
  });
}
