// Asking a model: one prompt, answered by a base model and by an adapter on it, side by side.
import { z } from 'zod';

/** model: by the chat template it was trained with, else the model's own; none: the prompt is a text to continue. */
export const promptTemplate = z.enum(['model', 'chatml', 'alpaca', 'none']);
export type PromptTemplate = z.infer<typeof promptTemplate>;

const side = z.enum(['base', 'adapter']);
export type Side = z.infer<typeof side>;

export const sideAnswer = z.object({
  side,
  text: z.string(),
  tokens: z.number(),
  /** Spent on this answer alone. */
  ms: z.number(),
  /** By an end token, or cut at max_new_tokens or where the model's positions run out. */
  ending: z.enum(['end', 'length']),
});
export type SideAnswer = z.infer<typeof sideAnswer>;

export const generationCommands = {
  /** Tells the answers' texts piece by piece, the side as `part`; cancelling ends it at once. */
  generate: {
    input: z.strictObject({
      /** A folder of a model, which answers alone; or run:NAME, run:NAME@STEP, run:NAME@best: its base and its adapter. */
      model: z.string().min(1),
      prompt: z.string().max(1_000_000),
      /** Empty for none. Left out with the template none. */
      system: z.string().max(1_000_000),
      template: promptTemplate,
      temperature: z.number(),
      topP: z.number(),
      maxNewTokens: z.number(),
      seed: z.number(),
    }),
    output: z.object({ answers: z.array(sideAnswer) }),
  },
  /** Gives back the memory of a model that waits for another question. It does so by itself after some minutes. */
  'generate.release': { input: z.strictObject({}), output: z.object({}) },
  /** The adapters of a run that are on the disk, in order of steps. */
  'run.adapters': {
    input: z.strictObject({ id: z.string() }),
    output: z.object({
      run: z.string(),
      adapters: z.array(z.object({ step: z.number(), evalLoss: z.number().nullable() })),
      /** How its training rows were written. */
      template: promptTemplate,
      /** It learned on its base model in 4 bits, and answers on it. */
      inFourBits: z.boolean(),
    }),
  },
};
