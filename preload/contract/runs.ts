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
  /** Logged losses in order, thinned to some dozens. */
  lossTrend: z.array(z.number()),
});
export type RunSummary = z.infer<typeof runSummary>;

/** Everything that the history knows of one run. */
export const runDetail = runSummary.extend({
  outputDir: z.string(),
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
  /** Why it failed. */
  error: errorDetails.nullable(),
});
export type RunDetail = z.infer<typeof runDetail>;

export const runCommands = {
  'runs.list': { input: z.strictObject({}), output: z.array(runSummary) },
  'run.show': { input: z.strictObject({ id: z.string() }), output: runDetail },
};
