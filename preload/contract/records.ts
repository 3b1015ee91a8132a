// What a job process posts, and what both ends of every border share: errors, statuses, metrics by the names that TRL
// logs.
import { z } from 'zod';

/** What went wrong, where, and what to do: see main/errors.ts. */
export const errorDetails = z.object({
  code: z.string(),
  message: z.string(),
  fix: z.string(),
  /** What to do about it in a terminal; windows show `fix`. */
  commandLine: z.string().optional(),
  /** Of "file-not-granted": what files.grant would have to be asked for. */
  paths: z.array(z.string()).optional(),
});
export type ErrorDetails = z.infer<typeof errorDetails>;

/**
 * TRL metric name -> value. Evaluation metrics carry the prefix "eval_". What training takes of the machine is Lorelei's
 * own, in the words of MLflow's system metrics: gpu_memory_usage_megabytes, gpu_memory_peak_megabytes,
 * gpu_utilization_percentage (of all programs on that GPU) and process_memory_peak_megabytes.
 */
export const metrics = z.record(z.string(), z.number());
export type Metrics = z.infer<typeof metrics>;

export const runStatus = z.enum(['queued', 'preparing', 'training', 'completed', 'stopped', 'failed', 'interrupted']);
export type RunStatus = z.infer<typeof runStatus>;

/** A text to continue, or a conversation to answer. */
export const samplePrompt = z.union([z.string(), z.array(z.object({ role: z.string(), content: z.string() }))]);
export type SamplePrompt = z.infer<typeof samplePrompt>;

/** Posted by the job process, in order; the host stores and shows them. */
export const jobRecord = z.discriminatedUnion('type', [
  /** Long preparation: "Tokenizing", "Loading weights". `total` is absent where it is unknown. */
  z.object({ type: z.literal('progress'), phase: z.string(), done: z.number(), total: z.number().optional() }),
  /** What it trains on, with its number where there may be several: "cpu", "cuda:1", "webgpu". */
  z.object({ type: z.literal('device'), device: z.string() }),
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
  /** What the model as trained so far answers to a prompt of the recipe. */
  z.object({
    type: z.literal('sample'),
    step: z.number(),
    /** Place of the prompt in sample_prompts. */
    index: z.number(),
    prompt: samplePrompt,
    text: z.string(),
  }),
  z.object({ type: z.literal('checkpoint'), step: z.number(), path: z.string() }),
  z.object({ type: z.literal('checkpoint-removed'), path: z.string() }),
  /** Something a person should be able to read later: device chosen, rows dropped, resumed … */
  z.object({
    type: z.literal('event'),
    step: z.number().optional(),
    level: z.enum(['info', 'warning', 'error']),
    message: z.string(),
    /** Rows that are computed together from here on, where memory did not reach for more. */
    rowsAtOnce: z.number().optional(),
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
