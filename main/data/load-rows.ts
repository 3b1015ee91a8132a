// The way from files to tokens on disk that fine-tuning rows and preference pairs have in common: every row is read,
// judged and stored, and everything found goes into a report. The same files, settings and tokenizer are tokenized
// once; later runs open what is in the cache.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import { TemplateRefusal } from './chat-template.ts';
import { RowProblem } from './columns.ts';
import { FingerprintSet, fingerprintOf } from './fingerprint-set.ts';
import { formatProblem } from './problems.ts';
import { readExamples } from './read-examples.ts';
import { unreadable } from './readers/utf8.ts';
import { ReportBuilder, type DataReport, type FoundInFiles, type UsedTemplate } from './report.ts';
import type { CutRow, LeftOut, RowKind } from './row-kind.ts';
import { openRowStore, RowStoreWriter, type LengthCounts, type RowPlace, type StoredRows } from './row-store.ts';
import { findSources, type SourceFile } from './sources.ts';
import type { TemplateName } from './templates.ts';
import type { TextTokenizer } from './tokenizer.ts';
import { exampleWriter } from './write-example.ts';

/** Where rows come from and how they are written; names follow the recipe, which is TRL's. */
export type SourceOptions = {
  /** Paths, globs, folders; "file.json#list" names a list inside a JSON object. */
  files: string[];
  /** Our column -> the file's column. */
  columns?: Record<string, string> | undefined;
  datasetTextField: string;
  template: TemplateName;
  eosToken?: string | undefined;
  /** Stop after so many usable rows (for a quick look). */
  limit?: number | undefined;
  /** Which split of a folder or JSON object to take; default 'train'. */
  split?: 'train' | 'test' | undefined;
  /** Token stores are kept in folders below. */
  cacheDir: string;
};

export type LoadHooks = {
  /** Also keeps the rows uncut on the disk: with another max_length they are cut again and not tokenized again. */
  keepWhole?: boolean | undefined;
  /** Bytes read, of all. */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  signal?: AbortSignal | undefined;
};

/** A dataset on the disk, with the folder that holds its tokens. */
export type Loaded<Dataset> = { dataset: Dataset; report: DataReport; folder: string };

/** Changes when rows would be tokenized differently than by an earlier version. */
const CACHE_VERSION = 3;
/** With more bad rows than this share, the file is not what it seems, and dropping them would hide that. */
const MOST_INVALID = 0.1;
/** So many bad rows and not one good: the rest is not read. */
const GIVE_UP_AFTER = 500;

/** What the source makes of rows, for all that read it. */
type Reading<E, Whole extends object, Dataset> = {
  kind: RowKind<E, Whole, Dataset>;
  options: SourceOptions;
  sources: SourceFile[];
  tokenizer: TextTokenizer;
  hooks: LoadHooks;
};

/**
 * Throws UserError for files that cannot be used and for datasets of which nothing is left
 * (dataset-nothing-to-train, dataset-too-many-invalid-rows); otherwise bad rows are in the report.
 */
export async function loadRows<E, Whole extends object, Dataset>(
  kind: RowKind<E, Whole, Dataset>,
  options: SourceOptions,
  tokenizer: TextTokenizer,
  hooks: LoadHooks,
): Promise<Loaded<Dataset>> {
  const { eosToken } = options;
  const ours = eosToken === undefined || eosToken === tokenizer.eosToken ? tokenizer : tokenizer.with({ eosToken });
  const sources = await findSources(options.files, options.split);
  const reading: Reading<E, Whole, Dataset> = { kind, options, sources, tokenizer: ours, hooks };
  const wholeKey = await keyOfWhole(reading);
  const folder = join(options.cacheDir, `${kind.name}-${keyOfCut(wholeKey, kind.cutting)}`);
  const cached = kind.openStore(folder);
  if (cached) return { dataset: cached.dataset, report: cached.report as DataReport, folder };

  const wholeFolder = join(options.cacheDir, `whole-${kind.name}-${wholeKey}`);
  const known = openRowStore(wholeFolder, kind.whole.numbersPerRow);
  const whole = known ?? (hooks.keepWhole === true ? await tokenizeWhole(reading, wholeFolder) : undefined);
  const store = kind.createStore(folder);
  try {
    const { report, lengths } = await (whole ? cutAgain(reading, whole, store) : tokenizeAll(reading, store));
    store.finish(report, lengths);
  } catch (error) {
    store.abandon();
    throw error;
  } finally {
    whole?.close();
  }
  const written = kind.openStore(folder);
  if (!written) throw new Error(`the token store ${folder} disappeared`);
  return { dataset: written.dataset, report: written.report as DataReport, folder };
}

type Result = { report: DataReport; lengths: LengthCounts };

/** From the files to rows as they are trained on. */
async function tokenizeAll<E, Whole extends object, Dataset>(
  reading: Reading<E, Whole, Dataset>,
  store: RowStoreWriter,
): Promise<Result> {
  const { kind, options } = reading;
  const report = new ReportBuilder();
  const add = addingTo(store, report);
  const enough = (): boolean => options.limit !== undefined && report.usable >= options.limit;
  const template = await readWhole(reading, report, (whole, place) => {
    add(kind.cut(whole), place);
    return enough();
  });
  if (report.usable === 0) throw nothingToTrain(report, kind.advice(report));
  return { report: report.finish(template), lengths: report.lengthCounts() };
}

/** What a store of whole rows says of the files. */
type WholeReport = { found: FoundInFiles; template: UsedTemplate };

async function tokenizeWhole<E, Whole extends object, Dataset>(
  reading: Reading<E, Whole, Dataset>,
  folder: string,
): Promise<StoredRows> {
  const { numbersPerRow, pack } = reading.kind.whole;
  const report = new ReportBuilder();
  const store = new RowStoreWriter(folder, numbersPerRow);
  try {
    const template = await readWhole(reading, report, (whole, place) => {
      const { words, numbers } = pack(whole);
      // Length and duplicates are asked of the rows that are cut from these.
      store.add(words, numbers, { ...place, fullLength: words.length, isDuplicate: false });
      return false;
    });
    store.finish({ found: report.found(), template } satisfies WholeReport, []);
  } catch (error) {
    store.abandon();
    throw error;
  }
  const written = openRowStore(folder, numbersPerRow);
  if (!written) throw new Error(`the token store ${folder} disappeared`);
  return written;
}

/** So many rows are cut before a wish to stop is heard. */
const ROWS_A_TURN = 4096;

/** From whole rows to rows as they are trained on. */
async function cutAgain<E, Whole extends object, Dataset>(
  { kind, hooks }: Reading<E, Whole, Dataset>,
  whole: StoredRows,
  store: RowStoreWriter,
): Promise<Result> {
  const { found, template } = whole.report as WholeReport;
  const report = ReportBuilder.from(found);
  const add = addingTo(store, report);
  for (let i = 0; i < whole.length; i++) {
    if (i % ROWS_A_TURN === 0) {
      await nextTurn();
      hooks.signal?.throwIfAborted();
    }
    add(kind.cut(kind.whole.unpack(whole.words(i), (which) => whole.number(i, which))), whole.place(i));
  }
  if (report.usable === 0) throw nothingToTrain(report, kind.advice(report));
  return { report: report.finish(template), lengths: report.lengthCounts() };
}

/** Judges and stores rows that max_length has cut. */
function addingTo(store: RowStoreWriter, report: ReportBuilder): (row: CutRow, place: RowPlace) => void {
  const seen = new FingerprintSet();
  return (row, { file, line }) => {
    const { fullLength, truncation } = row;
    if (truncation !== undefined) report.problem('truncated', file, line, truncation);
    report.rowOfLength(fullLength);
    if ('kind' in row) {
      report.problem(row.kind, file, line, row.message);
      return;
    }
    const { words, numbers, tokens, trainedTokens } = row;
    const identity = numbers.length > 1 ? Uint32Array.of(...numbers, ...words) : words;
    const isDuplicate = !seen.add(fingerprintOf(identity));
    if (isDuplicate) report.problem('duplicate', file, line, 'the same tokens as an earlier row');
    store.add(words, numbers, { file, line, fullLength, isDuplicate });
    report.usableRow(fullLength, tokens, trainedTokens);
  };
}

/** Reads and tokenizes all rows; `onRow` returns true where no more are wanted. Returns how they were written. */
async function readWhole<E, Whole extends object, Dataset>(
  { kind, options, sources, tokenizer, hooks }: Reading<E, Whole, Dataset>,
  report: ReportBuilder,
  onRow: (whole: Whole, place: RowPlace) => boolean,
): Promise<UsedTemplate> {
  const { note } = report;
  const writer = exampleWriter(tokenizer, options.template, note);
  const total = sources.reduce((sum, source) => sum + source.bytes, 0);
  let done = 0;
  const onBytes = (bytes: number) => {
    done += bytes;
    hooks.onProgress?.({ done: Math.min(done, total), total });
  };
  let good = 0;
  let isEnough = false;
  for (const source of sources) {
    const templated = options.template === 'chatml' || options.template === 'alpaca';
    const reading = { ...options, templated, onBytes, signal: hooks.signal };
    for await (const { example, file, line } of readExamples(source, kind.findShape, reading, report)) {
      const whole = orInvalid(() => kind.tokenize(example, { tokenizer, writer, note }));
      if ('kind' in whole) {
        report.problem(whole.kind, file, line, whole.message);
        if (good === 0 && report.log.counts.invalid >= GIVE_UP_AFTER) throw tooManyInvalid(report);
        continue;
      }
      good++;
      isEnough = onRow(whole, { file, line });
      if (isEnough) break;
    }
    if (isEnough) break;
  }
  if (report.log.counts.invalid > report.rows * MOST_INVALID) throw tooManyInvalid(report);
  return writer.used();
}

/** The row, or why it is left out. */
function orInvalid<Row>(tokenize: () => Row): Row | LeftOut {
  try {
    return tokenize();
  } catch (error) {
    if (error instanceof RowProblem) return { kind: 'invalid', message: error.message };
    if (!(error instanceof TemplateRefusal)) throw error;
    return { kind: 'invalid', message: `the chat template refuses the row: ${error.message}` };
  }
}

function tooManyInvalid(report: ReportBuilder): UserError {
  const examples = report.log.first('invalid', 3).map((problem) => formatProblem(problem));
  return new UserError({
    code: 'dataset-too-many-invalid-rows',
    message: `${String(report.log.counts.invalid)} of ${String(report.rows)} rows cannot be used: ${examples.join('; ')}.`,
    fix: `Correct these rows, or the column mapping, or the template. Up to ${String(MOST_INVALID * 100)} % bad rows are left out by themselves.`,
  });
}

function nothingToTrain(report: ReportBuilder, fix: string): UserError {
  const { counts } = report.log;
  const reasons = [
    counts.empty > 0 ? `${String(counts.empty)} are empty` : '',
    counts.identical > 0 ? `${String(counts.identical)} have two answers that are the same` : '',
    counts['no-trained-token'] > 0 ? `${String(counts['no-trained-token'])} have no token to train` : '',
    counts.invalid > 0 ? `${String(counts.invalid)} are invalid` : '',
  ].filter((reason) => reason !== '');
  const first = report.log.kept.find((problem) => problem.kind !== 'truncated');
  return new UserError({
    code: 'dataset-nothing-to-train',
    message:
      `No row is left to train on: of ${String(report.rows)} rows, ${reasons.join(', ')}.` +
      (first ? ` The first: ${formatProblem(first)}.` : ''),
    fix,
  });
}

/** Whether max_length is why nothing is left. */
export function cutTooShort(report: ReportBuilder): boolean {
  const { counts } = report.log;
  return counts.truncated > 0 && counts['no-trained-token'] > 0;
}

async function keyOfWhole<E, Whole extends object, Dataset>({
  kind,
  options,
  sources,
  tokenizer,
}: Reading<E, Whole, Dataset>): Promise<string> {
  const hash = createHash('sha256');
  const { columns, datasetTextField, template, limit, split } = options;
  const settings = [{ columns, datasetTextField, template, limit, split }, kind.settings];
  hash.update(JSON.stringify([CACHE_VERSION, settings, tokenizer.fingerprint]));
  for (const source of sources) {
    hash.update(JSON.stringify([source.label, source.format, source.listPath]));
    try {
      for await (const bytes of createReadStream(source.path) as AsyncIterable<Buffer>) hash.update(bytes);
    } catch (error) {
      throw unreadable(source.label, error);
    }
  }
  return hash.digest('hex').slice(0, 32);
}

function keyOfCut(wholeKey: string, cutting: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([wholeKey, cutting]))
    .digest('hex')
    .slice(0, 32);
}
