// Reads a file or pattern to the end, for tests of the readers.
import { READERS } from '../../main/data/readers/index.ts';
import type { ReadContext } from '../../main/data/readers/reader.ts';
import { findSources } from '../../main/data/sources.ts';
import type { Row } from '../../main/data/types.ts';

export type ReadResult = { rows: Row[]; values: Record<string, unknown>[]; invalid: string[]; notes: string[] };

export async function readAll(file: string, split: 'train' | 'test' = 'train'): Promise<ReadResult> {
  const result: ReadResult = { rows: [], values: [], invalid: [], notes: [] };
  for (const source of await findSources([file], split)) {
    const context: ReadContext = {
      label: source.label,
      split,
      invalid: (line, message) => result.invalid.push(`${String(line)}: ${message}`),
      note: (message) => result.notes.push(message),
      ...(source.listPath === undefined ? {} : { path: source.listPath }),
    };
    for await (const row of READERS[source.format](source.path, context)) {
      result.rows.push(row);
      result.values.push(row.values);
    }
  }
  return result;
}
