// What crosses a process border: typed records that a job posts, and what the history keeps of a run.
// The renderer knows nothing else of main. Metric names are those that TRL logs.
import { z } from 'zod';

export const errorDetails = z.object({ code: z.string(), message: z.string(), fix: z.string() });

/** TRL metric name -> value. Evaluation metrics carry the prefix "eval_". */
export const metrics = z.record(z.string(), z.number());
export type Metrics = z.infer<typeof metrics>;

export const runStatus = z.enum(['queued', 'preparing', 'training', 'completed', 'stopped', 'failed', 'interrupted']);
export type RunStatus = z.infer<typeof runStatus>;

/** Posted by the job process, in order; the host stores and shows them. */
export const jobRecord = z.discriminatedUnion('type', [
  /** Long preparation: "Tokenizing", "Loading weights". `total` is absent where it is unknown. */
  z.object({ type: z.literal('progress'), phase: z.string(), done: z.number(), total: z.number().optional() }),
  /** Everything is ready; steps follow. `startStep` > 0 when resumed. */
  z.object({ type: z.literal('start'), totalSteps: z.number(), startStep: z.number() }),
  /** One optimizer step. `metrics` is present on steps that logging_steps selects. */
  z.object({
    type: z.literal('step'),
    step: z.number(),
    loss: z.number(),
    stepMs: z.number(),
    tokensPerSecond: z.number(),
    metrics: metrics.optional(),
  }),
  z.object({ type: z.literal('evaluation'), step: z.number(), metrics }),
  z.object({ type: z.literal('checkpoint'), step: z.number(), path: z.string() }),
  z.object({ type: z.literal('checkpoint-removed'), path: z.string() }),
  /** Something a person should be able to read later: device chosen, rows dropped, resumed … */
  z.object({
    type: z.literal('event'),
    step: z.number().optional(),
    level: z.enum(['info', 'warning', 'error']),
    message: z.string(),
  }),
  z.object({
    type: z.literal('end'),
    status: z.enum(['completed', 'stopped', 'failed']),
    outputDir: z.string(),
    metrics,
    error: errorDetails.optional(),
  }),
]);
export type JobRecord = z.infer<typeof jobRecord>;

/** Sent to the job process. */
export const jobCommand = z.object({ type: z.literal('stop') });
export type JobCommand = z.infer<typeof jobCommand>;
