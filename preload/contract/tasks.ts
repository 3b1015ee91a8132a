// Commands that take long tell how far they are and can be cancelled, under a name that the asker gave to the call.
import { z } from 'zod';

/** How far the command of the call named `task` is. `total` is absent where it is unknown. */
export const taskProgress = z.object({
  type: z.literal('task-progress'),
  task: z.string(),
  /** What is being done: "Reading files". */
  phase: z.string(),
  done: z.number(),
  total: z.number().optional(),
  /** What `done` and `total` count, where a person would know it by a size. */
  unit: z.literal('bytes').optional(),
  /** What has come of it so far, where a person may watch: the next piece of an answer. */
  text: z.string().optional(),
  /** Which of several answers the text belongs to. */
  part: z.string().optional(),
});
export type TaskProgress = z.infer<typeof taskProgress>;
