// The data side from end to end: files -> rows -> examples -> tokens on disk, with a report of everything found.
// The same files, settings and tokenizer are tokenized once; later runs open what is in the cache.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { TemplateRefusal } from './chat-template.ts';
import { RowProblem } from './columns.ts';
import { FingerprintSet, fingerprintOf } from './fingerprint-set.ts';
import { formatProblem } from './problems.ts';
import { readExamples, type PlacedExample } from './read-examples.ts';
import { unreadable } from './readers/utf8.ts';
import { ReportBuilder, type DataReport } from './report.ts';
import { findSources, type SourceFile } from './sources.ts';
import type { TemplateName } from './templates.ts';
import { tokenizeExample, type TokenizedRow } from './tokenize-example.ts';
import { TokenStoreWriter, openTokenStore, packRow, type PlacedDataset } from './token-store.ts';
import type { TextTokenizer } from './tokenizer.ts';
import type { Example, Message } from './types.ts';
import { exampleWriter } from './write-example.ts';

export type { DataReport } from './report.ts';

/** Names follow the recipe, which is TRL's. */
export type DataOptions = {
  /** Paths, globs, folders; "file.json#list" names a list inside a JSON object. */
  files: string[];
  /** Our column -> the file's column. */
  columns?: Record<string, string> | undefined;
  datasetTextField: string;
  template: TemplateName;
  completionOnlyLoss?: boolean | undefined;
  assistantOnlyLoss: boolean;
  maxLength: number | null;
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

/** Changes when rows would be tokenized differently than by an earlier version. */
const CACHE_VERSION = 1;
/** With more bad rows than this share, the file is not what it seems, and dropping them would hide that. */
const MOST_INVALID = 0.1;
/** So many bad rows and not one good: the rest is not read. */
const GIVE_UP_AFTER = 500;

/**
 * Throws UserError for files that cannot be used and for datasets of which nothing is left
 * (dataset-nothing-to-train, dataset-too-many-invalid-rows); otherwise bad rows are in the report.
 */
export async function loadDataset(
  options: DataOptions,
  tokenizer: TextTokenizer,
  hooks: LoadHooks = {},
): Promise<{ dataset: PlacedDataset; report: DataReport }> {
  const { eosToken } = options;
  const ours = eosToken === undefined || eosToken === tokenizer.eosToken ? tokenizer : tokenizer.with({ eosToken });
  const sources = await findSources(options.files, options.split);
  const folder = join(options.cacheDir, `tokens-${await cacheKey(options, sources, ours)}`);
  const cached = openTokenStore(folder);
  if (cached) return { dataset: cached.dataset, report: cached.report as DataReport };

  const store = new TokenStoreWriter(folder);
  try {
    const report = await tokenizeAll(options, sources, ours, store, hooks);
    store.finish(report);
  } catch (error) {
    store.abandon();
    throw error;
  }
  const written = openTokenStore(folder);
  if (!written) throw new Error(`the token store ${folder} disappeared`);
  return { dataset: written.dataset, report: written.report as DataReport };
}

async function tokenizeAll(
  options: DataOptions,
  sources: SourceFile[],
  tokenizer: TextTokenizer,
  store: TokenStoreWriter,
  hooks: LoadHooks,
): Promise<DataReport> {
  const report = new ReportBuilder();
  const writer = exampleWriter(tokenizer, options.template, report.note);
  const seen = new FingerprintSet();
  const total = sources.reduce((sum, source) => sum + source.bytes, 0);
  let done = 0;
  const onBytes = (bytes: number) => {
    done += bytes;
    hooks.onProgress?.({ done: Math.min(done, total), total });
  };

  const addRow = (placed: PlacedExample) => {
    const { example, file, line } = placed;
    if (isEmpty(example)) {
      report.problem('empty', file, line, emptyReason(example));
      return;
    }
    const row = orProblem(() => tokenizeExample(example, tokenizer, writer, options, report.note));
    if (typeof row === 'string') {
      report.problem('invalid', file, line, row);
      return;
    }
    const { inputIds, trained, fullLength } = row;
    if (fullLength > inputIds.length) {
      report.problem('truncated', file, line, `${String(fullLength)} tokens, cut to ${String(inputIds.length)}`);
    }
    const trainedTokens = trained.reduce((sum, bit) => sum + bit, 0);
    if (trainedTokens === 0) {
      report.problem('no-trained-token', file, line, untrainedReason(row));
      return;
    }
    const words = packRow(inputIds, trained);
    if (!seen.add(fingerprintOf(words))) report.problem('duplicate', file, line, 'the same tokens as an earlier row');
    store.add(words, { file, line });
    report.usableRow(fullLength, inputIds.length, trainedTokens);
  };

  for (const source of sources) {
    const templated = options.template === 'chatml' || options.template === 'alpaca';
    const reading = { ...options, templated, onBytes, signal: hooks.signal };
    for await (const placed of readExamples(source, reading, report)) {
      addRow(placed);
      if (report.usable === 0 && report.log.counts.invalid >= GIVE_UP_AFTER) throw tooManyInvalid(report);
      if (options.limit !== undefined && report.usable >= options.limit) break;
    }
    if (options.limit !== undefined && report.usable >= options.limit) break;
  }
  if (report.log.counts.invalid > report.rows * MOST_INVALID) throw tooManyInvalid(report);
  if (report.usable === 0) throw nothingToTrain(report, options);
  const { name, chatTemplate } = writer.used();
  return report.finish(name, chatTemplate);
}

/** The row, or why it is left out. */
function orProblem(tokenize: () => TokenizedRow): TokenizedRow | string {
  try {
    return tokenize();
  } catch (error) {
    if (error instanceof RowProblem) return error.message;
    if (error instanceof TemplateRefusal) return `the chat template refuses the row: ${error.message}`;
    throw error;
  }
}

function isEmpty(example: Example): boolean {
  const blank = (said: string | Message[]) =>
    typeof said === 'string'
      ? said.trim() === ''
      : said.every((message) => message.content.trim() === '' && !('tool_calls' in message));
  switch (example.kind) {
    case 'text':
      return blank(example.text);
    case 'messages':
      return blank(example.messages);
    case 'instruction':
      return blank(example.output);
    case 'prompt-completion':
      return blank(example.completion);
    case 'tokens':
      return example.inputIds.length === 0;
  }
}

function emptyReason(example: Example): string {
  if (example.kind === 'instruction' || example.kind === 'prompt-completion') return 'the answer is empty';
  return example.kind === 'messages' ? 'the conversation is empty' : 'the text is empty';
}

function untrainedReason(row: TokenizedRow): string {
  return row.fullLength > row.inputIds.length
    ? `nothing to train within max_length: its first ${String(row.inputIds.length)} of ${String(row.fullLength)} tokens are all prompt`
    : 'no token of the row is trained';
}

function tooManyInvalid(report: ReportBuilder): UserError {
  const examples = report.log.first('invalid', 3).map((problem) => formatProblem(problem));
  return new UserError({
    code: 'dataset-too-many-invalid-rows',
    message: `${String(report.log.counts.invalid)} of ${String(report.rows)} rows cannot be used: ${examples.join('; ')}.`,
    fix: `Correct these rows, or the column mapping, or the template. Up to ${String(MOST_INVALID * 100)} % bad rows are left out by themselves.`,
  });
}

function nothingToTrain(report: ReportBuilder, options: DataOptions): UserError {
  const { counts } = report.log;
  const reasons = [
    counts.empty > 0 ? `${String(counts.empty)} are empty` : '',
    counts['no-trained-token'] > 0 ? `${String(counts['no-trained-token'])} have no token to train` : '',
    counts.invalid > 0 ? `${String(counts.invalid)} are invalid` : '',
  ].filter((reason) => reason !== '');
  const first = report.log.kept.find((problem) => problem.kind !== 'truncated');
  const cut = counts.truncated > 0 && counts['no-trained-token'] > 0;
  return new UserError({
    code: 'dataset-nothing-to-train',
    message:
      `No row is left to train on: of ${String(report.rows)} rows, ${reasons.join(', ')}.` +
      (first ? ` The first: ${formatProblem(first)}.` : ''),
    fix: cut
      ? `Raise max_length (now ${String(options.maxLength)}), or shorten the prompts.`
      : options.assistantOnlyLoss
        ? 'assistant_only_loss trains assistant messages only: check the roles in the file.'
        : 'Check that the answers are in the columns that are read; "lorelei preview" shows rows token by token.',
  });
}

async function cacheKey(options: DataOptions, sources: SourceFile[], tokenizer: TextTokenizer): Promise<string> {
  const hash = createHash('sha256');
  const { columns, datasetTextField, template, completionOnlyLoss, assistantOnlyLoss, maxLength, limit, split } =
    options;
  const settings = {
    columns,
    datasetTextField,
    template,
    completionOnlyLoss,
    assistantOnlyLoss,
    maxLength,
    limit,
    split,
  };
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
