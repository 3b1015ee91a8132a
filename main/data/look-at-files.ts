// What data files hold, from their first rows alone and without a tokenizer: their columns with some values, and the row
// shape that they make, for fine-tuning and for preferences.
import { UserError } from '../errors.ts';
import { mapColumns } from './columns.ts';
import { detectPreferenceShape, detectShape, type FileColumns, type ShapeFinder } from './detect-shape.ts';
import { READERS } from './readers/index.ts';
import { isRecord, kindOf, type ReadContext } from './readers/reader.ts';
import type { Shape } from './shapes.ts';
import { findSources, type SourceFile } from './sources.ts';
import type { TemplateName } from './templates.ts';

export type LookOptions = {
  files: string[];
  columns?: Record<string, string> | undefined;
  datasetTextField: string;
  template: TemplateName;
};

export type ColumnLook = {
  /** As the file has it; with dots what lies inside objects. */
  name: string;
  /** "text", "a number", "a list" … */
  kind: string;
  /** Values of the first rows that differ, shortened. */
  samples: string[];
};

export type ShapeLook = {
  name: string;
  /** What it reads: our name and the file's. */
  columns: { role: string; column: string }[];
};

export type FilesLook = {
  files: { file: string; format: string; bytes: number }[];
  columns: ColumnLook[];
  /** Null where the columns do not make one; `problem` then says why. */
  rows: { shape: ShapeLook | null; problem: UserError | null };
  pairs: { shape: ShapeLook | null; problem: UserError | null };
};

const ROWS_LOOKED_AT = 50;
const FILES_LOOKED_AT = 20;
const SAMPLES = 3;
const SAMPLE_CHARS = 200;

/** Throws UserError: those of findSources and of the readers. */
export async function lookAtFiles(options: LookOptions, signal?: AbortSignal): Promise<FilesLook> {
  const sources = await findSources(options.files);
  const looked = sources.slice(0, FILES_LOOKED_AT);
  const columns = new Map<string, ColumnLook>();
  const files: FileColumns[] = [];
  let mapping: UserError | null = null;
  for (const source of looked) {
    const rows = await firstRows(source, signal);
    for (const row of rows) addValues(columns, row);
    const available = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const textField = source.format === 'text' ? 'text' : options.datasetTextField;
    try {
      const maps = mapColumns(available, options.columns ?? {}, textField, source.label);
      files.push({ ...maps, available, label: source.label });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      mapping ??= error;
    }
  }
  const templated = options.template === 'chatml' || options.template === 'alpaca';
  const shapeOf = <E>(find: ShapeFinder<E>) =>
    mapping ? { shape: null, problem: mapping } : shapeIn(files, (file) => find(file, templated));
  return {
    files: sources.map(({ path, format, bytes }) => ({ file: path, format, bytes })),
    columns: [...columns.values()],
    rows: shapeOf(detectShape),
    pairs: shapeOf(detectPreferenceShape),
  };
}

/** The shape of the first file, or the first problem of any. */
function shapeIn<E>(
  files: FileColumns[],
  find: (file: FileColumns) => Shape<E>,
): { shape: ShapeLook | null; problem: UserError | null } {
  try {
    const [shape] = files.map((file): ShapeLook => {
      const { name, needs, uses = [] } = find(file);
      const map = needs.every((column) => file.mapped.has(column)) ? file.mapped : file.all;
      const columns = [...needs, ...uses].flatMap((role) => {
        const column = map.get(role);
        return column === undefined ? [] : [{ role, column }];
      });
      return { name, columns };
    });
    return { shape: shape ?? null, problem: null };
  } catch (error) {
    if (error instanceof UserError) return { shape: null, problem: error };
    throw error;
  }
}

async function firstRows(source: SourceFile, signal?: AbortSignal): Promise<Record<string, unknown>[]> {
  const context: ReadContext = {
    label: source.label,
    split: 'train',
    invalid: () => undefined,
    note: () => undefined,
    ...(source.listPath === undefined ? {} : { path: source.listPath }),
    ...(signal ? { signal } : {}),
  };
  const rows: Record<string, unknown>[] = [];
  for await (const { values } of READERS[source.format](source.path, context)) {
    rows.push(values);
    if (rows.length === ROWS_LOOKED_AT) break;
  }
  if (rows.length > 0) return rows;
  throw new UserError({
    code: 'dataset-no-rows',
    message: `${source.label} holds no rows.`,
    fix: 'Choose a file with at least one row (a CSV needs rows below its header line).',
  });
}

function addValues(columns: Map<string, ColumnLook>, row: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(row)) {
    addValue(columns, name, value);
    if (!isRecord(value)) continue;
    for (const [inner, part] of Object.entries(value)) addValue(columns, `${name}.${inner}`, part);
  }
}

function addValue(columns: Map<string, ColumnLook>, name: string, value: unknown): void {
  const isMissing = value === null || value === undefined || value === '';
  const column = columns.get(name) ?? { name, kind: 'nothing', samples: [] };
  columns.set(name, column);
  if (isMissing) return;
  if (column.kind === 'nothing') column.kind = typeof value === 'string' ? 'text' : kindOf(value);
  const text = shortened(value);
  if (column.samples.length < SAMPLES && !column.samples.includes(text)) column.samples.push(text);
}

function shortened(value: unknown): string {
  const text =
    typeof value === 'string'
      ? value
      : JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? Number(part) : part));
  return text.length > SAMPLE_CHARS ? `${text.slice(0, SAMPLE_CHARS - 1)}…` : text;
}
