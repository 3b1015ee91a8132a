// Runs as the history keeps them, and what a window may ask of them.
import { z } from 'zod';
import { errorDetails, metrics, runStatus, samplePrompt } from './records.ts';

/** A run as a list shows it. Times are milliseconds since 1970. */
export const runSummary = z.object({
  id: z.string(),
  /** run_name of the recipe. */
  name: z.string().nullable(),
  /** How it trains: "sft", "dpo" … */
  method: z.string(),
  status: runStatus,
  /** The model folder's name, or run:NAME@STEP where it was made from that run. */
  modelName: z.string(),
  createdAt: z.number(),
  updatedAt: z.number(),
  step: z.number(),
  /** Null until the job has counted its steps. */
  totalSteps: z.number().nullable(),
  /** The loss logged last, null before the first. */
  loss: z.number().nullable(),
  /** Lowest eval_loss, null before the first evaluation. */
  bestEvalLoss: z.number().nullable(),
  /** File names of the training data. */
  dataName: z.string(),
  /** From the first step to the last; null before the first. */
  durationMs: z.number().nullable(),
  /** Of the last steps of a run that trains; null for all others. */
  tokensPerSecond: z.number().nullable(),
  /** Until its last step; null where it does not train or the number of steps is not known. */
  remainingMs: z.number().nullable(),
  tags: z.array(z.string()),
  hasNotes: z.boolean(),
  archived: z.boolean(),
  /** Where it stands among those that wait: 1 is next; null for all others. */
  queuePlace: z.number().nullable(),
  /** The device that the recipe of a waiting run names: "auto", "cuda:1". Null for all others. */
  waitsFor: z.string().nullable(),
  /** What it trains on, or last did: "cpu", "cuda:1". Null before that is known. */
  device: z.string().nullable(),
});
export type RunSummary = z.infer<typeof runSummary>;

/** What changed since a list was asked for. */
export const runChanges = z.object({
  /** What to ask with next time. */
  revision: z.number(),
  /** In no order; some may not have changed. */
  runs: z.array(runSummary),
  /** Deleted ones. */
  gone: z.array(z.string()),
});
export type RunChanges = z.infer<typeof runChanges>;

/** Everything that the history knows of one run. */
export const runDetail = runSummary.extend({
  outputDir: z.string(),
  notes: z.string(),
  /** The recipe's keys and values, as the user may write them in YAML. */
  recipe: z.record(z.string(), z.unknown()),
  /** The loss of every optimizer step, logged or not; steps whose loss was not a number are left out. */
  losses: z.array(z.object({ step: z.number(), loss: z.number() })),
  /** One row per logged training step or evaluation, in the order of steps. */
  metrics: z.array(z.object({ step: z.number(), values: metrics })),
  events: z.array(
    z.object({
      at: z.number(),
      step: z.number().nullable(),
      level: z.enum(['info', 'warning', 'error']),
      message: z.string(),
    }),
  ),
  checkpoints: z.array(z.object({ step: z.number(), path: z.string(), createdAt: z.number() })),
  /** Answers to the recipe's sample_prompts, by step and prompt. */
  samples: z.array(z.object({ step: z.number(), index: z.number(), prompt: samplePrompt, text: z.string() })),
  /** `step` is null where the finished adapter was exported. */
  exports: z.array(z.object({ at: z.number(), target: z.string(), step: z.number().nullable(), path: z.string() })),
  /** What it measured last, as it ended; empty before. */
  endMetrics: metrics,
  /** Why it failed. */
  error: errorDetails.nullable(),
});
export type RunDetail = z.infer<typeof runDetail>;

const ofRun = z.strictObject({ id: z.string() });
const done = z.object({});

/** Recipe keys and values as they were given. */
const request = {
  method: z.string(),
  /** Name of a preset that the values stand over. */
  preset: z.string().nullable().optional(),
  values: z.record(z.string(), z.json()),
};

export const runCommands = {
  /** Newest first. */
  'runs.list': { input: z.strictObject({}), output: z.array(runSummary) },
  /** The same for who keeps the list: only what changed after the revision of the last answer; all after 0. */
  'runs.changes': { input: z.strictObject({ after: z.number().min(0) }), output: runChanges },
  /** Logged losses in order, thinned to some dozens, by run. */
  'runs.trends': {
    input: z.strictObject({ ids: z.array(z.string()).max(200) }),
    output: z.record(z.string(), z.array(z.number())),
  },
  'run.show': { input: ofRun, output: runDetail },
  /** Checks a recipe as far as that is possible without opening model and data. */
  'run.check': { input: z.strictObject(request), output: z.object({ notes: z.array(z.string()) }) },
  /** Puts a run at the end of the queue; it starts at once where nothing is under way. */
  'run.start': { input: z.strictObject(request), output: z.object({ id: z.string() }) },
  /** Takes it out of the queue, or stops it after its current step and saves. */
  'run.stop': { input: ofRun, output: done },
  /** Ends its process at once; what came after the last checkpoint is lost. */
  'run.kill': { input: ofRun, output: done },
  /**
   * Puts it at the end of the queue, to go on from its last checkpoint. Where another checkpoint ("best" or a step) or
   * other values are asked for, the run stays as it is and a new one that begins there is queued. Tells which goes on.
   */
  'run.resume': {
    input: ofRun.extend({
      checkpoint: z.string().max(20).optional(),
      values: z.record(z.string(), z.json()).optional(),
    }),
    output: z.object({ id: z.string() }),
  },
  'run.change': {
    input: z.strictObject({
      id: z.string(),
      name: z.string().max(200).nullable().optional(),
      tags: z.array(z.string().max(60)).max(40).optional(),
      notes: z.string().max(100_000).optional(),
      archived: z.boolean().optional(),
    }),
    output: done,
  },
  /** Hides it; for ten minutes it can be restored, then it is gone with its folder. */
  'run.delete': { input: ofRun, output: done },
  'run.restore': { input: ofRun, output: done },
  /** `to` counts the runs that will stand before it. */
  'queue.move': { input: z.strictObject({ id: z.string(), to: z.int().min(0) }), output: done },
};
