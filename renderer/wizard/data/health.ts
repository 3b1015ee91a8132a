// The counts of the data health strip, in the order in which they are shown.
import type { DataReport, ProblemKind, TokenizedData } from '../../../preload/contract.ts';
import { cutBy } from './length-bins.ts';

export type HealthCount = {
  /** "rows" and "usable" are no problems. */
  kind: 'rows' | 'usable' | ProblemKind;
  text: string;
  count: number;
  /** What it means for training. */
  meaning: string;
};

/** Rows that a max_length cuts: known at once, while the rows that it leaves are still being made. */
export function rowsCut({ lengths, maxLength, report }: TokenizedData, at: number | null): number {
  // Packing may leave rows whole.
  const isCutting = report.truncated === cutBy(lengths, maxLength).rows;
  return isCutting ? cutBy(lengths, at).rows : report.truncated;
}

export function healthCounts(report: DataReport, kind: 'rows' | 'pairs'): HealthCount[] {
  const counts: HealthCount[] = [
    { kind: 'rows', text: 'Rows', count: report.rows, meaning: 'Rows and lines in the files.' },
    { kind: 'usable', text: 'Usable', count: report.usable, meaning: 'Rows that are trained on.' },
    {
      kind: 'truncated',
      text: 'Too long',
      count: report.truncated,
      meaning: 'Longer than max_length. They are cut, and kept where something to learn is left.',
    },
    {
      kind: 'duplicate',
      text: 'Duplicates',
      count: report.duplicates,
      meaning: 'The same tokens as an earlier row. They are kept, and so count twice.',
    },
    { kind: 'empty', text: 'Empty', count: report.empty, meaning: 'Nothing to learn from. They are left out.' },
    {
      kind: 'invalid',
      text: 'Invalid',
      count: report.invalid,
      meaning: 'They could not be read or understood, and are left out.',
    },
  ];
  if (report.noTrainedToken > 0) {
    counts.push({
      kind: 'no-trained-token',
      text: 'Nothing to learn',
      count: report.noTrainedToken,
      meaning: 'No token of them would be learned, so they are left out.',
    });
  }
  if (kind === 'pairs') {
    counts.push({
      kind: 'identical',
      text: 'Same answers',
      count: report.identical,
      meaning: 'Their two answers are the same, so there is nothing to prefer. They are left out.',
    });
  }
  return counts;
}
