// Keeps what was wrong with single rows, with file and line, for the report. Counts are exact, details are capped.

export type ProblemKind =
  /** The line or row could not be read or understood; it is left out. */
  | 'invalid'
  /** Nothing to learn from: the text or answer is blank; it is left out. */
  | 'empty'
  /** A pair whose two answers are the same; it is left out. */
  | 'identical'
  /** Longer than max_length, and cut. */
  | 'truncated'
  /** No token of the row would be trained; it is left out. */
  | 'no-trained-token'
  /** The same tokens as an earlier row; it is kept. */
  | 'duplicate';

export type DataProblem = {
  file: string;
  /** 1-based line or row number. */ line: number;
  kind: ProblemKind;
  message: string;
};

const KEPT_PER_KIND = 200;

export class ProblemLog {
  readonly counts: Record<ProblemKind, number> = {
    invalid: 0,
    empty: 0,
    identical: 0,
    truncated: 0,
    'no-trained-token': 0,
    duplicate: 0,
  };
  /** The first problems of each kind, in the order found. */
  readonly kept: DataProblem[] = [];

  add(problem: DataProblem): void {
    this.counts[problem.kind]++;
    if (this.counts[problem.kind] <= KEPT_PER_KIND) this.kept.push(problem);
  }

  first(kind: ProblemKind, count: number): DataProblem[] {
    return this.kept.filter((problem) => problem.kind === kind).slice(0, count);
  }

  total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }
}

/** "train.jsonl:12: not valid JSON", the way editors and compilers write places. */
export function formatProblem(problem: DataProblem): string {
  return `${problem.file}:${String(problem.line)}: ${problem.message}`;
}
