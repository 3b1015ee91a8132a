// The data of the next run: what files hold, what they become as tokens, row by row, and what is wrong with them.
import { z } from 'zod';
import { draft } from './drafts.ts';
import { errorDetails } from './records.ts';

/** A draft, of which the keys about data are read; see contract/drafts.ts. */
export const dataDraft = draft;
export type DataDraft = z.infer<typeof dataDraft>;

const shapeLook = z.object({
  /** Its columns by our names: "messages", "instruction/[input]/output". */
  name: z.string(),
  /** Our name and the file's, of what is read. */
  columns: z.array(z.object({ role: z.string(), column: z.string() })),
});

/** A shape, or why the columns make none. */
const shapeFound = z.object({ shape: shapeLook.nullable(), problem: errorDetails.nullable() });

export const filesLookedAt = z.object({
  files: z.array(z.object({ file: z.string(), format: z.string(), bytes: z.number() })),
  columns: z.array(
    z.object({
      /** As the file has it; with dots what lies inside objects. */
      name: z.string(),
      /** "text", "a number", "a list" … */
      kind: z.string(),
      /** Values of the first rows that differ, shortened. */
      samples: z.array(z.string()),
    }),
  ),
  /** For fine-tuning. */
  rows: shapeFound,
  /** For preferences. */
  pairs: shapeFound,
});
export type FilesLookedAt = z.infer<typeof filesLookedAt>;

export const problemKind = z.enum(['invalid', 'empty', 'identical', 'truncated', 'no-trained-token', 'duplicate']);
export type ProblemKind = z.infer<typeof problemKind>;

const dataProblem = z.object({
  file: z.string(),
  /** From 1. */
  line: z.number(),
  kind: problemKind,
  message: z.string(),
});
export type DataProblem = z.infer<typeof dataProblem>;

const dataReport = z.object({
  rows: z.number(),
  usable: z.number(),
  truncated: z.number(),
  noTrainedToken: z.number(),
  empty: z.number(),
  /** Preference pairs whose two answers are the same. */
  identical: z.number(),
  invalid: z.number(),
  duplicates: z.number(),
  /** By file and line; at most 200 of a kind. */
  problems: z.array(dataProblem),
  problemCount: z.number(),
  /** Of the usable rows, after max_length. */
  tokens: z.number(),
  trainedTokens: z.number(),
  lengthPercentiles: z.object({
    p50: z.number(),
    p90: z.number(),
    p95: z.number(),
    p99: z.number(),
    max: z.number(),
  }),
  shape: z.string(),
  template: z.string(),
  files: z.array(z.object({ file: z.string(), format: z.string(), shape: z.string(), rows: z.number() })),
  notes: z.array(z.string()),
});
export type DataReport = z.infer<typeof dataReport>;

/** Where the tokens of a dataset lie, for data.rows. */
const rowsPlace = z.strictObject({
  store: z.string().regex(/^(tokens|pairs)-[0-9a-f]{32}$/),
  pieces: z.string().regex(/^pieces-[0-9a-f]{32}\.json$/),
});

/** Tokens; of a pair, a row is its longer answer with the prompt, and its labels are those of both answers. */
export const rowSizes = z.strictObject({
  rows: z.int().min(0),
  mean: z.number().min(0),
  longest: z.int().min(0),
  meanLabels: z.number().min(0),
  mostLabels: z.int().min(0),
  /** Of pairs: a prompt with both answers behind it, and the shortest prompt. */
  joined: z
    .strictObject({ mean: z.number().min(0), longest: z.int().min(0), shortestPrompt: z.int().min(0) })
    .optional(),
});

export const tokenizedData = z.object({
  rows: rowsPlace,
  /** "pairs" have a prompt and two answers. */
  kind: z.enum(['rows', 'pairs']),
  /** Usable rows, which data.rows gives. */
  length: z.number(),
  report: dataReport,
  /** After max_length. */
  sizes: rowSizes,
  /** How many rows of each length there are before max_length, the shortest first; of pairs with the longer answer. */
  lengths: z.array(z.tuple([z.number(), z.number()])),
  hasChatTemplate: z.boolean(),
  /** Null keeps all. */
  maxLength: z.number().nullable(),
});
export type TokenizedData = z.infer<typeof tokenizedData>;

const part = {
  /** Of longer ones the beginning and the end. */
  tokens: z.array(z.object({ id: z.number(), text: z.string(), trained: z.boolean(), special: z.boolean() })),
  tokenCount: z.number(),
  trainedCount: z.number(),
  /** Tokens in the middle that are not among `tokens`. */
  leftOut: z.number(),
};
export const tokenPart = z.object(part);
export type TokenPart = z.infer<typeof tokenPart>;
export type ShownToken = TokenPart['tokens'][number];

/** A usable row. */
const shown = {
  /** Its place among the usable rows, from 0. */
  index: z.number(),
  file: z.string(),
  line: z.number(),
  tokenCount: z.number(),
  trainedCount: z.number(),
  /** Tokens before max_length; of pairs with the longer answer. */
  fullLength: z.number(),
  isCut: z.boolean(),
  isDuplicate: z.boolean(),
};
export const shownRow = z.object({
  ...shown,
  /** The row, or prompt, chosen and rejected. */
  parts: z.array(z.object({ name: z.enum(['row', 'prompt', 'chosen', 'rejected']), ...part })),
});
export type ShownRow = z.infer<typeof shownRow>;

/** What a draft says of its data, with its preset and the defaults. */
export const dataSettings = z.object({
  template: z.enum(['model', 'chatml', 'alpaca', 'none']),
  maxLength: z.number().nullable(),
  /** Null lets the rows decide: true for rows of prompt and completion. Absent from methods on pairs, as null. */
  completionOnlyLoss: z.boolean().nullable(),
  assistantOnlyLoss: z.boolean(),
  testSplitSize: z.number().nullable(),
  evalFiles: z.array(z.string()),
  /** The run looks at evaluation rows at all. */
  evaluates: z.boolean(),
});
export type DataSettings = z.infer<typeof dataSettings>;

const ofDraft = z.strictObject({ draft: dataDraft });

export const dataCommands = {
  /** What ships with Lorelei to try things out with. */
  'data.samples': {
    input: z.strictObject({}),
    output: z.array(z.object({ method: z.string(), path: z.string(), rows: z.number() })),
  },
  'data.settings': { input: ofDraft, output: dataSettings },
  /** Reads the first rows of the files; needs no model. */
  'data.look': { input: ofDraft, output: filesLookedAt },
  /** Makes tokens of all rows, which a run with the same keys then finds. Tells progress. */
  'data.tokenize': { input: ofDraft, output: tokenizedData },
  /** Fails with "rows-not-there" where the cache was emptied. */
  'data.rows': {
    input: rowsPlace.extend({
      offset: z.int().min(0),
      limit: z.int().min(1).max(200),
      filter: z.enum(['all', 'truncated', 'duplicate']),
      /** Of each part, at most. */
      tokens: z.int().min(2).max(100_000),
      maxLength: z.int().min(1).nullable(),
    }),
    output: z.object({ /** That pass the filter. */ total: z.number(), rows: z.array(shownRow) }),
  },
};
