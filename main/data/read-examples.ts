// Files -> rows -> examples: reads each file with its format's reader, finds the row shape from its first rows, and
// reports rows that do not fit. What an example becomes is unused to the caller.
import { UserError } from '../errors.ts';
import { RowProblem, mapColumns, viewColumns, type ColumnMap } from './columns.ts';
import type { ShapeFinder } from './detect-shape.ts';
import { READERS } from './readers/index.ts';
import type { ReadContext } from './readers/reader.ts';
import type { ReportBuilder } from './report.ts';
import type { Shape } from './shapes.ts';
import type { SourceFile } from './sources.ts';
import type { Row } from './types.ts';

export type PlacedExample<E> = { example: E; file: string; line: number };

export type ReadOptions = {
  columns?: Record<string, string> | undefined;
  datasetTextField: string;
  split?: 'train' | 'test' | undefined;
  /** A template was asked for by name. */
  templated?: boolean | undefined;
  onBytes?: ((bytes: number) => void) | undefined;
  signal?: AbortSignal | undefined;
};

/** Rows from which the columns are learned. */
const ROWS_TO_LEARN = 50;

/** Throws UserError: those of the readers, of mapColumns and of `findShape`, and dataset-no-rows. */
export async function* readExamples<E>(
  source: SourceFile,
  findShape: ShapeFinder<E>,
  options: ReadOptions,
  report: ReportBuilder,
): AsyncGenerator<PlacedExample<E>> {
  const context: ReadContext = {
    label: source.label,
    split: options.split ?? 'train',
    invalid: (line, message) => {
      report.rows++;
      report.problem('invalid', source.label, line, message);
    },
    note: report.note,
    ...(source.listPath === undefined ? {} : { path: source.listPath }),
    ...(options.onBytes ? { onBytes: options.onBytes } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  };
  const summary = { file: source.label, format: source.format, shape: '', rows: 0 };
  const templated = options.templated ?? false;
  let read: ((row: Row) => PlacedExample<E> | undefined) | undefined;
  let waiting: Row[] = [];

  const convert = (shape: Shape<E>, map: ColumnMap) => (row: Row) => {
    report.rows++;
    summary.rows++;
    try {
      return { example: shape.read(viewColumns(row.values, map), templated), file: row.file, line: row.line };
    } catch (error) {
      if (!(error instanceof RowProblem)) throw error;
      report.problem('invalid', row.file, row.line, error.message);
      return undefined;
    }
  };
  const learn = () => {
    const available = [...new Set(waiting.flatMap((row) => Object.keys(row.values)))];
    const textField = source.format === 'text' ? 'text' : options.datasetTextField;
    const columns = mapColumns(available, options.columns ?? {}, textField, source.label);
    const shape = findShape({ ...columns, available, label: source.label }, templated);
    if (templated && shape.isText === true) {
      report.note(`${source.label}: rows are plain text, which no template changes`);
    }
    // With a mapping that makes a shape by itself, only what was mapped is meant.
    const byMapping = shape.needs.every((name) => columns.mapped.has(name));
    const map = byMapping ? columns.mapped : columns.all;
    noteUnused(shape, map, available, source.label, report);
    report.files.push(summary);
    summary.shape = shape.name;
    read = convert(shape, map);
    const ready = waiting;
    waiting = [];
    return ready.flatMap((row) => read?.(row) ?? []);
  };

  for await (const row of READERS[source.format](source.path, context)) {
    if (read) {
      const example = read(row);
      if (example) yield example;
    } else if (waiting.push(row) >= ROWS_TO_LEARN) yield* learn();
  }
  if (waiting.length > 0) yield* learn();
  if (!read) {
    throw new UserError({
      code: 'dataset-no-rows',
      message: `${source.label} holds no rows.`,
      fix: 'Point dataset_name at a file with at least one row (a CSV needs rows below its header line).',
    });
  }
}

function noteUnused<E>(
  shape: Shape<E>,
  map: ColumnMap,
  available: string[],
  label: string,
  report: ReportBuilder,
): void {
  const used = [...shape.needs, ...(shape.uses ?? [])].map((name) => map.get(name)?.split('.')[0]);
  const unused = available.filter((name) => !used.includes(name));
  if (unused.length > 0) {
    report.note(`${label}: read as ${shape.name}; columns not used: ${unused.slice(0, 20).join(', ')}`);
  }
}
