// The draft of the next run: what the wizard has gathered so far. It survives restarts.
import { z } from 'zod';

export const draft = z.strictObject({
  /** "sft", "dpo" … */
  method: z.string(),
  /** Name of the preset that the values started from. */
  preset: z.string().nullable(),
  /** Recipe keys and values, only those that were set; unchecked, they may be half-way. */
  values: z.record(z.string(), z.json()),
});
export type Draft = z.infer<typeof draft>;

export const draftCommands = {
  /** Null where there is none, or where it was kept by a version that this one cannot read. */
  'draft.load': { input: z.strictObject({}), output: draft.nullable() },
  /** What the tour trains, with what ships with Lorelei, and what it asks then. */
  'draft.tour': { input: z.strictObject({}), output: z.object({ draft, question: z.string() }) },
  'draft.save': { input: draft, output: z.object({}) },
};
