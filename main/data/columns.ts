// The columns of a row under the names that the row shapes use: an explicit mapping first, else the names themselves,
// whatever their case. Also the conversions from a cell to text, numbers and lists.
import { closest } from 'fastest-levenshtein';
import { UserError } from '../errors.ts';
import { isRecord, kindOf } from './readers/reader.ts';

/** Every column name that a shape knows; a mapping may set these. */
export const KNOWN_COLUMNS = [
  'text',
  'messages',
  'conversations',
  'conversation',
  'prompt',
  'completion',
  'instruction',
  'input',
  'context',
  'output',
  'response',
  'question',
  'answer',
  'query',
  'user',
  'assistant',
  'system',
  'history',
  'tools',
  'input_ids',
  'labels',
  'completion_mask',
  'assistant_masks',
  'chosen',
  'rejected',
  'chosen_response',
  'rejected_response',
  'preferred_output',
  'non_preferred_output',
  'response_j',
  'response_k',
  'rejected_messages',
  'prompt_ids',
  'chosen_ids',
  'rejected_ids',
] as const;
export type ColumnName = (typeof KNOWN_COLUMNS)[number];

/** A row seen through known names. */
export type Columns = { get(name: ColumnName): unknown };

/** A row that does not fit; it is reported with its place and left out. */
export class RowProblem extends Error {}

/** Known name -> the name in the file. `available` are the file's columns, from its first rows. */
export type ColumnMap = Map<ColumnName, string>;

/**
 * Throws UserError unknown-column-name, column-not-found. `textField` is TRL's dataset_text_field.
 */
export function mapColumns(
  available: string[],
  mapping: Record<string, string>,
  textField: string,
  label: string,
): { mapped: ColumnMap; all: ColumnMap } {
  const byLowerCase = new Map(available.map((name) => [name.toLowerCase().trim(), name]));
  const all: ColumnMap = new Map();
  for (const name of KNOWN_COLUMNS) {
    const wanted = name === 'text' ? textField : name;
    const found = available.includes(wanted) ? wanted : byLowerCase.get(wanted.toLowerCase());
    if (found !== undefined) all.set(name, found);
  }
  const mapped: ColumnMap = new Map();
  for (const [ours, theirs] of Object.entries(mapping)) {
    const name = KNOWN_COLUMNS.find((known) => known === ours);
    if (!name) {
      throw new UserError({
        code: 'unknown-column-name',
        message: `columns maps "${ours}", which is not a column that can be trained on.`,
        fix: `Did you mean "${closest(ours, [...KNOWN_COLUMNS])}"? Known are ${KNOWN_COLUMNS.join(', ')}.`,
      });
    }
    if (!available.includes(theirs) && !available.includes(theirs.split('.')[0] ?? '')) {
      throw new UserError({
        code: 'column-not-found',
        message: `columns maps ${ours} to "${theirs}", but ${label} has no such column. It has ${available.join(', ')}.`,
        fix: `Use one of these names, for example "${closest(theirs, available)}".`,
      });
    }
    mapped.set(name, theirs);
    all.set(name, theirs);
  }
  return { mapped, all };
}

export function viewColumns(values: Record<string, unknown>, map: ColumnMap): Columns {
  return {
    get(name) {
      const column = map.get(name);
      return column === undefined ? undefined : cell(values, column);
    },
  };
}

/** "input.messages" reaches into objects, unless a column has that whole name. */
function cell(values: Record<string, unknown>, column: string): unknown {
  if (column in values || !column.includes('.')) return values[column];
  let value: unknown = values;
  for (const name of column.split('.')) value = isRecord(value) ? value[name] : undefined;
  return value;
}

/** Text of a cell; undefined where there is nothing. Numbers and booleans are written out. */
export function optionalText(columns: Columns, name: ColumnName): string | undefined {
  const value = columns.get(name);
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  throw new RowProblem(`"${name}" should be text but is ${kindOf(value)}`);
}

export function requiredText(columns: Columns, name: ColumnName): string {
  const text = optionalText(columns, name);
  if (text === undefined) throw new RowProblem(`the row has no "${name}"`);
  return text;
}

/** A list, also where a table holds it as JSON text. */
export function optionalList(columns: Columns, name: ColumnName): unknown[] | undefined {
  let value = columns.get(name);
  if (value === null || value === undefined || value === '') return undefined;
  if (typeof value === 'string') {
    try {
      value = JSON.parse(value) as unknown;
    } catch {
      throw new RowProblem(`"${name}" should be a list but is text that is not JSON`);
    }
  }
  if (ArrayBuffer.isView(value)) value = Array.from(value as unknown as Iterable<unknown>);
  if (!Array.isArray(value)) throw new RowProblem(`"${name}" should be a list but is ${kindOf(value)}`);
  return value as unknown[];
}

/** A list that the row must have. */
export function requiredList(columns: Columns, name: ColumnName): unknown[] {
  const list = optionalList(columns, name);
  if (!list) throw new RowProblem(`the row has no "${name}"`);
  return list;
}

/** A list of whole numbers; parquet gives 64-bit ones as BigInt. */
export function optionalIntegers(columns: Columns, name: ColumnName): number[] | undefined {
  return optionalList(columns, name)?.map((item, i) => {
    const value = typeof item === 'bigint' || typeof item === 'boolean' ? Number(item) : item;
    if (typeof value === 'number' && Number.isInteger(value)) return value;
    throw new RowProblem(`"${name}" holds ${JSON.stringify(item)} at position ${String(i)}, not a whole number`);
  });
}
