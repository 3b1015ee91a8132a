// What was found in a dataset: counts, lengths, problems. Plain data, so that it can be stored and sent.
import { ProblemLog, type DataProblem, type ProblemKind } from './problems.ts';
import type { LengthCounts } from './row-store.ts';

export type SourceReport = { file: string; format: string; shape: string; rows: number };

export type DataReport = {
  /** Rows and lines found. */
  rows: number;
  /** Rows that are trained on: rows less invalid, empty, identical and noTrainedToken. */
  usable: number;
  /** Rows cut by max_length. */
  truncated: number;
  noTrainedToken: number;
  empty: number;
  /** Preference pairs whose two answers are the same. */
  identical: number;
  invalid: number;
  /** Usable rows whose tokens are those of an earlier row. They are kept. */
  duplicates: number;
  /** By file and line; at most 200 of a kind. problemCount is the number of all. */
  problems: DataProblem[];
  problemCount: number;
  /** Tokens of the usable rows, after max_length; of pairs, those of both sequences. */
  tokens: number;
  trainedTokens: number;
  /** Tokens of a usable row (of a pair, with its longer answer) before max_length. */
  lengthPercentiles: { p50: number; p90: number; p95: number; p99: number; max: number };
  /** The detected shape; several are joined by ", ". */
  shape: string;
  /** How rows are written as text. */
  template: string;
  /** Source of the chat template that wrote conversations; ship it with the adapter. */
  chatTemplate?: string;
  files: SourceReport[];
  /** What a person should know besides the problems. */
  notes: string[];
};

/** How rows were written: the template's name, and the source of the chat template where it was one. */
export type UsedTemplate = { name: string; chatTemplate: string | undefined };

/** What reading has found before any row was cut. */
export type FoundInFiles = {
  rows: number;
  files: SourceReport[];
  notes: string[];
  problems: Pick<ProblemLog, 'counts' | 'kept'>;
};

/** Collects while rows go by. */
export class ReportBuilder {
  readonly log = new ProblemLog();
  readonly notes: string[] = [];
  readonly files: SourceReport[] = [];
  rows = 0;
  usable = 0;
  tokens = 0;
  trainedTokens = 0;
  private lengths = new Uint32Array(1024);
  private readonly rowsOfLength = new Map<number, number>();

  /** Begins with what reading has found. */
  static from({ rows, files, notes, problems }: FoundInFiles): ReportBuilder {
    const report = new ReportBuilder();
    report.rows = rows;
    report.files.push(...files);
    report.notes.push(...notes);
    report.log.kept.push(...problems.kept);
    Object.assign(report.log.counts, problems.counts);
    return report;
  }

  found(): FoundInFiles {
    const { rows, files, notes, log } = this;
    return { rows, files, notes, problems: { counts: log.counts, kept: log.kept } };
  }

  note = (message: string): void => {
    if (!this.notes.includes(message)) this.notes.push(message);
  };

  problem(kind: ProblemKind, file: string, line: number, message: string): void {
    this.log.add({ kind, file, line, message });
  }

  /** Every row that was tokenized, also one that max_length leaves nothing of. */
  rowOfLength(fullLength: number): void {
    this.rowsOfLength.set(fullLength, (this.rowsOfLength.get(fullLength) ?? 0) + 1);
  }

  lengthCounts(): LengthCounts {
    return [...this.rowsOfLength].sort(([a], [b]) => a - b);
  }

  usableRow(fullLength: number, tokens: number, trainedTokens: number): void {
    if (this.usable === this.lengths.length) {
      const larger = new Uint32Array(this.lengths.length * 2);
      larger.set(this.lengths);
      this.lengths = larger;
    }
    this.lengths[this.usable++] = fullLength;
    this.tokens += tokens;
    this.trainedTokens += trainedTokens;
  }

  finish({ name, chatTemplate }: UsedTemplate): DataReport {
    const { counts } = this.log;
    // The first rows of a file are read before they are judged; in the report, places follow each other.
    const order = this.files.map((file) => file.file);
    const kept = [...this.log.kept].sort((a, b) => order.indexOf(a.file) - order.indexOf(b.file) || a.line - b.line);
    const sorted = this.lengths.slice(0, this.usable).sort();
    const percentile = (p: number) => sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? 0;
    return {
      rows: this.rows,
      usable: this.usable,
      truncated: counts.truncated,
      noTrainedToken: counts['no-trained-token'],
      empty: counts.empty,
      identical: counts.identical,
      invalid: counts.invalid,
      duplicates: counts.duplicate,
      problems: kept,
      problemCount: this.log.total(),
      tokens: this.tokens,
      trainedTokens: this.trainedTokens,
      lengthPercentiles: {
        p50: percentile(50),
        p90: percentile(90),
        p95: percentile(95),
        p99: percentile(99),
        max: sorted.at(-1) ?? 0,
      },
      shape: [...new Set(this.files.map((file) => file.shape))].join(', '),
      template: name,
      ...(chatTemplate === undefined ? {} : { chatTemplate }),
      files: this.files,
      notes: this.notes,
    };
  }
}
