// The registry of file formats: one reader each.
import { readCsv, readTsv } from './csv.ts';
import type { DataFormat } from './format.ts';
import { readJson } from './json.ts';
import { readJsonl } from './jsonl.ts';
import { readParquet } from './parquet.ts';
import type { RowReader } from './reader.ts';
import { readText } from './text.ts';

export const READERS: Record<DataFormat, RowReader> = {
  jsonl: readJsonl,
  json: readJson,
  csv: readCsv,
  tsv: readTsv,
  parquet: readParquet,
  text: readText,
};
