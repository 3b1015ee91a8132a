// What every file format gives and gets: a stream of rows, and where to report lines that are left out.
import type { Row } from '../types.ts';

export type ReadContext = {
  /** The file as messages name it. */
  label: string;
  /** Which part of a JSON object to read: "train.articles.samples", "*" for any one name. */
  path?: string;
  /** Which split to take where a file holds several. */
  split: 'train' | 'test';
  /** A line that could not be read; reading goes on after it. */
  invalid: (line: number, message: string) => void;
  /** Something a person should know about how the file was read. */
  note: (message: string) => void;
  onBytes?: (bytes: number) => void;
  signal?: AbortSignal;
};

/** Reads the rows of one file in order, in bounded memory. Throws UserError where the file as a whole is no data. */
export type RowReader = (path: string, context: ReadContext) => AsyncGenerator<Row>;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A JSON value as a row: an object as it is, a list of messages as {messages}. */
export function rowValues(value: unknown): Record<string, unknown> | undefined {
  if (isRecord(value)) return value;
  if (Array.isArray(value) && value.length > 0 && value.every((item) => isRecord(item))) return { messages: value };
  return undefined;
}

/** "a list", "a number", … for messages. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
