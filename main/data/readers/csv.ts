// CSV and TSV with a header line. Records with the wrong number of fields are reported and left out.
import { Readable, pipeline } from 'node:stream';
import { CsvError, parse, type Info } from 'csv-parse';
import { UserError } from '../../errors.ts';
import type { ReadContext, RowReader } from './reader.ts';
import { readLines, readUtf8 } from './utf8.ts';

const MAX_RECORD_CHARS = 64_000_000;

type CsvRecord = { record: Record<string, string>; info: Info };

export const readTsv: RowReader = (path, context) => readSeparated(path, context, '\t');

export const readCsv: RowReader = async function* (path, context) {
  const delimiter = await delimiterOf(path, context);
  if (delimiter !== ',') context.note(`${context.label}: fields are parted by ${JSON.stringify(delimiter)}`);
  yield* readSeparated(path, context, delimiter);
};

async function* readSeparated(path: string, context: ReadContext, delimiter: string) {
  const parser = parse({
    delimiter,
    columns: (header: string[]) => uniqueNames(header, context),
    info: true,
    // A quote inside an unquoted field is part of the text, as spreadsheets read it.
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: MAX_RECORD_CHARS,
  });
  let unclosed: CsvError | undefined;
  parser.on('skip', (error: CsvError) => {
    if (error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE') unclosed ??= error;
    else context.invalid(Number(error.lines ?? 1), error.message.replace(/ on line \d+$/, ''));
  });
  const text = Readable.from(readUtf8(path, context.label, context.onBytes, context.signal));
  // The loop below receives whatever error ends the pipeline.
  pipeline(text, parser, () => undefined);
  let lastLine = 1;
  let countedTwice = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<CsvRecord>) {
      const fields = Object.values(record).join('');
      // The parser counts \r\n inside quotes as two lines.
      countedTwice += count(fields, '\r\n');
      lastLine = info.lines - countedTwice;
      yield { values: record, file: context.label, line: lastLine - count(fields, '\n') };
    }
  } catch (error) {
    throw error instanceof CsvError ? unusable(context, error, lastLine + 1) : error;
  }
  if (unclosed) throw unusable(context, unclosed, lastLine + 1);
}

function count(text: string, part: string): number {
  return text.includes(part) ? text.split(part).length - 1 : 0;
}

/** Spreadsheets in many countries write ";" between fields and still call it CSV. */
async function delimiterOf(path: string, context: ReadContext): Promise<string> {
  for await (const { text } of readLines(path, context.label)) {
    if (text.trim() === '') continue;
    if (text.includes(',')) return ',';
    return [';', '\t'].find((candidate) => text.includes(candidate)) ?? ',';
  }
  return ',';
}

function uniqueNames(header: string[], context: ReadContext): string[] {
  const names = header.map((name, i) => name.trim() || `column ${String(i + 1)}`);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated === undefined) return names;
  throw new UserError({
    code: 'dataset-repeated-column',
    message: `${context.label}:1 names the column "${repeated}" twice.`,
    fix: 'Give every column a name of its own in the header line.',
  });
}

function unusable(context: ReadContext, error: CsvError, line: number): UserError {
  const open = error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE';
  return new UserError(
    {
      code: 'dataset-bad-csv',
      message: open
        ? `${context.label}: the record that begins at line ${String(line)} opens a quote (") that is never closed.`
        : `${context.label}:${String(line)} is not valid CSV: ${error.message}.`,
      fix: 'Quote fields that hold commas, quotes or line breaks, and write a quote inside them as "".',
    },
    { cause: error },
  );
}
