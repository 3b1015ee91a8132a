// What the page of one run asks for beside its history: what lies on disk, what its process uses, its recipe to take along.
import { z } from 'zod';
import { draft } from './drafts.ts';
import { runDetail } from './runs.ts';

const ofRun = z.strictObject({ id: z.string() });

const gpuUsage = z.object({
  memoryBytes: z.number(),
  totalMemoryBytes: z.number().nullable(),
  utilizationPercent: z.number().nullable(),
});

/** What the process that trains uses of the machine. */
export const processUsage = z.object({
  /** Resident memory. */
  memoryBytes: z.number(),
  /** Of the whole machine. */
  totalMemoryBytes: z.number(),
  /** Cores kept busy since the last answer, 1.5 for one and a half; null in the first answer. */
  busyCores: z.number().nullable(),
  cores: z.number(),
  /** The GPU that it trains on, with what other programs use of it; null where that is not known. */
  gpu: gpuUsage.nullable(),
});
export type ProcessUsage = z.infer<typeof processUsage>;

/** What the history knows of a run without what it measured, which may be long. */
export const runOverview = runDetail.omit({ losses: true, metrics: true });
export type RunOverview = z.infer<typeof runOverview>;

const column = z.array(z.number().nullable());

/** Rows as columns, for there may be hundreds of thousands. Null where there is no number. */
const rowsByColumn = z.object({ step: z.array(z.number()), columns: z.record(z.string(), column) });
export type RowsByColumn = z.infer<typeof rowsByColumn>;

export const runCurves = z.object({
  /** Where the run stands: before what the asker has when it was resumed from an earlier checkpoint. */
  lastStep: z.number(),
  /** Every optimizer step: loss, step_ms, tokens_per_second. */
  train: rowsByColumn,
  /** The steps that logging_steps selects, by TRL's names. */
  logged: rowsByColumn,
  /** Evaluations, with the prefix eval_. */
  evaluation: rowsByColumn,
});
export type RunCurves = z.infer<typeof runCurves>;

export const runPageCommands = {
  'run.overview': { input: ofRun, output: runOverview },
  /** What was measured after a step, evaluations after another one; -1 for all. */
  'run.curves': { input: ofRun.extend({ after: z.number(), evaluatedAfter: z.number() }), output: runCurves },
  /** Null where no process trains, and where the system does not tell. */
  'run.usage': { input: ofRun, output: processUsage.nullable() },
  /** The end of what the job process has printed. `isWhole` is false where more stands before it. */
  'run.log': { input: ofRun, output: z.object({ text: z.string(), path: z.string(), isWhole: z.boolean() }) },
  /** The recipe as YAML, as TRL reads it. */
  'run.yaml': { input: ofRun, output: z.object({ yaml: z.string() }) },
  /** A draft with this run's method and what its recipe sets, but for its name and output folder. */
  'run.again': { input: ofRun, output: draft },
  /** Sizes of the run's checkpoints and output folder, by path; those that are not there are left out. */
  'run.sizes': { input: ofRun, output: z.record(z.string(), z.number()) },
};
