// The way from files to tokens on disk that fine-tuning rows and preference pairs have in common: every row is read,
// judged and stored, and everything found goes into a report. The same files, settings and tokenizer are tokenized
// once; later runs open what is in the cache.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { TemplateRefusal } from './chat-template.ts';
import { RowProblem } from './columns.ts';
import type { ShapeFinder } from './detect-shape.ts';
import { FingerprintSet, fingerprintOf } from './fingerprint-set.ts';
import { formatProblem, type ProblemKind } from './problems.ts';
import { readExamples, type PlacedExample } from './read-examples.ts';
import { unreadable } from './readers/utf8.ts';
import { ReportBuilder, type DataReport } from './report.ts';
import type { LengthCounts, RowStoreWriter } from './row-store.ts';
import { findSources, type SourceFile } from './sources.ts';
import type { TemplateName } from './templates.ts';
import type { TextTokenizer } from './tokenizer.ts';
import { exampleWriter, type ExampleWriter } from './write-example.ts';

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
  /** Bytes read, of all. */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  signal?: AbortSignal | undefined;
};

/** A row that is left out, and why. */
export type LeftOut = {
  kind: ProblemKind;
  message: string;
  /** Where it was tokenized. */
  fullLength?: number | undefined;
};

/** A row that is kept, in the form in which it is stored, with its counts. */
export type StoredForm = {
  words: Uint32Array;
  numbers: number[];
  /** Before max_length. */
  fullLength: number;
  tokens: number;
  trainedTokens: number;
  /** How max_length cut it. */
  truncation?: string | undefined;
};

/** What a kind of training makes of its rows. */
export type RowKind<E, Dataset> = {
  /** Name of its stores in the cache. */
  name: string;
  /** Settings, besides those of the source, that the stored rows depend on. */
  settings: unknown;
  findShape: ShapeFinder<E>;
  /** Throws RowProblem, TemplateRefusal (the row), UserError (the dataset). */
  convert: (
    example: E,
    tools: { tokenizer: TextTokenizer; writer: ExampleWriter; note: (message: string) => void },
  ) => StoredForm | (LeftOut & { truncation?: string | undefined });
  createStore: (folder: string) => RowStoreWriter;
  openStore: (folder: string) => { dataset: Dataset; report: unknown } | undefined;
  /** What to do where no row is left. */
  advice: (report: ReportBuilder) => string;
};

/** A dataset on the disk, with the folder that holds its tokens. */
export type Loaded<Dataset> = { dataset: Dataset; report: DataReport; folder: string };

/** Changes when rows would be tokenized differently than by an earlier version. */
const CACHE_VERSION = 2;
/** With more bad rows than this share, the file is not what it seems, and dropping them would hide that. */
const MOST_INVALID = 0.1;
/** So many bad rows and not one good: the rest is not read. */
const GIVE_UP_AFTER = 500;

/**
 * Throws UserError for files that cannot be used and for datasets of which nothing is left
 * (dataset-nothing-to-train, dataset-too-many-invalid-rows); otherwise bad rows are in the report.
 */
export async function loadRows<E, Dataset>(
  kind: RowKind<E, Dataset>,
  options: SourceOptions,
  tokenizer: TextTokenizer,
  hooks: LoadHooks,
): Promise<Loaded<Dataset>> {
  const { eosToken } = options;
  const ours = eosToken === undefined || eosToken === tokenizer.eosToken ? tokenizer : tokenizer.with({ eosToken });
  const sources = await findSources(options.files, options.split);
  const folder = join(options.cacheDir, `${kind.name}-${await cacheKey(kind.settings, options, sources, ours)}`);
  const cached = kind.openStore(folder);
  if (cached) return { dataset: cached.dataset, report: cached.report as DataReport, folder };

  const store = kind.createStore(folder);
  try {
    const { report, lengths } = await tokenizeAll(kind, options, sources, ours, store, hooks);
    store.finish(report, lengths);
  } catch (error) {
    store.abandon();
    throw error;
  }
  const written = kind.openStore(folder);
  if (!written) throw new Error(`the token store ${folder} disappeared`);
  return { dataset: written.dataset, report: written.report as DataReport, folder };
}

async function tokenizeAll<E, Dataset>(
  kind: RowKind<E, Dataset>,
  options: SourceOptions,
  sources: SourceFile[],
  tokenizer: TextTokenizer,
  store: RowStoreWriter,
  hooks: LoadHooks,
): Promise<{ report: DataReport; lengths: LengthCounts }> {
  const report = new ReportBuilder();
  const { note } = report;
  const writer = exampleWriter(tokenizer, options.template, note);
  const seen = new FingerprintSet();
  const total = sources.reduce((sum, source) => sum + source.bytes, 0);
  let done = 0;
  const onBytes = (bytes: number) => {
    done += bytes;
    hooks.onProgress?.({ done: Math.min(done, total), total });
  };

  const addRow = ({ example, file, line }: PlacedExample<E>) => {
    const row = orInvalid(() => kind.convert(example, { tokenizer, writer, note }));
    if (row.truncation !== undefined) report.problem('truncated', file, line, row.truncation);
    if (row.fullLength !== undefined) report.rowOfLength(row.fullLength);
    if ('kind' in row) {
      report.problem(row.kind, file, line, row.message);
      return;
    }
    const { words, numbers, fullLength, tokens, trainedTokens } = row;
    const identity = numbers.length > 1 ? Uint32Array.of(...numbers, ...words) : words;
    const isDuplicate = !seen.add(fingerprintOf(identity));
    if (isDuplicate) report.problem('duplicate', file, line, 'the same tokens as an earlier row');
    store.add(words, numbers, { file, line, fullLength, isDuplicate });
    report.usableRow(fullLength, tokens, trainedTokens);
  };

  for (const source of sources) {
    const templated = options.template === 'chatml' || options.template === 'alpaca';
    const reading = { ...options, templated, onBytes, signal: hooks.signal };
    for await (const placed of readExamples(source, kind.findShape, reading, report)) {
      addRow(placed);
      if (report.usable === 0 && report.log.counts.invalid >= GIVE_UP_AFTER) throw tooManyInvalid(report);
      if (options.limit !== undefined && report.usable >= options.limit) break;
    }
    if (options.limit !== undefined && report.usable >= options.limit) break;
  }
  if (report.log.counts.invalid > report.rows * MOST_INVALID) throw tooManyInvalid(report);
  if (report.usable === 0) throw nothingToTrain(report, kind.advice(report));
  const { name, chatTemplate } = writer.used();
  return { report: report.finish(name, chatTemplate), lengths: report.lengthCounts() };
}

/** The row, or why it is left out. */
function orInvalid<Row>(convert: () => Row): Row | (LeftOut & { truncation?: undefined; fullLength?: undefined }) {
  try {
    return convert();
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

async function cacheKey(
  kindSettings: unknown,
  options: SourceOptions,
  sources: SourceFile[],
  tokenizer: TextTokenizer,
): Promise<string> {
  const hash = createHash('sha256');
  const { columns, datasetTextField, template, limit, split } = options;
  const settings = [{ columns, datasetTextField, template, limit, split }, kindSettings];
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
