// What crosses a process border: typed records that a job posts, and what the history keeps of a run.
// The renderer knows nothing else of main. Metric names are those that TRL logs.
import { z } from 'zod';

export const errorDetails = z.object({ code: z.string(), message: z.string(), fix: z.string() });

/** TRL metric name -> value. Evaluation metrics carry the prefix "eval_". */
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

/** What the renderer may ask for, over one channel: command -> its input and its output. */
export const commands = {
  'runs.list': { input: z.strictObject({}), output: z.array(runSummary) },
  'run.show': { input: z.strictObject({ id: z.string() }), output: runDetail },
};
export type CommandName = keyof typeof commands;
export type CommandInput<C extends CommandName> = z.infer<(typeof commands)[C]['input']>;
export type CommandOutput<C extends CommandName> = z.infer<(typeof commands)[C]['output']>;

export const commandRequest = z.strictObject({ command: z.string(), input: z.unknown() });

/** Exceptions do not cross the border whole, so a refusal is a value. */
export type CommandResult<T> = { ok: true; value: T } | { ok: false; error: z.infer<typeof errorDetails> };

/** Sent to the renderer, unasked. */
export const appEvent = z.discriminatedUnion('type', [
  /** Something in the history changed: ask again for what is on the screen. */
  z.object({ type: z.literal('history-changed') }),
]);
export type AppEvent = z.infer<typeof appEvent>;

/** The only thing that the page can see of its host. */
export type Bridge = {
  call<C extends CommandName>(command: C, input: CommandInput<C>): Promise<CommandResult<CommandOutput<C>>>;
  /** Returns the function that ends the subscription. */
  onEvent(listener: (event: AppEvent) => void): () => void;
};
