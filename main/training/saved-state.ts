// What a checkpoint says beside its tensors, for the training that goes on from it and for who asks without an engine.
import { z } from 'zod';
import { readCheckpointState } from '../checkpoints/run-state.ts';

/** What a checkpoint holds besides tensors. Data position, schedule and dropout all follow from the step. */
export const savedState = z.object({
  step: z.int().nonnegative(),
  log: z.object({
    lossSum: z.number(),
    steps: z.number(),
    sums: z.record(z.string(), z.number()),
    count: z.number(),
    numTokens: z.number(),
  }),
  metrics: z.record(z.string(), z.number()),
  best: z.object({ value: z.number(), step: z.number(), withoutBetter: z.number() }).optional(),
  history: z.object({
    losses: z.array(z.object({ step: z.number(), loss: z.number() })),
    evaluations: z.array(z.object({ step: z.number(), metrics: z.record(z.string(), z.number()) })),
  }),
  /** Absent in checkpoints of older versions. */
  owed: z.object({ evaluation: z.boolean(), samples: z.int().nonnegative() }).optional(),
  /** Rows computed together, where memory did not reach for the recipe's; absent in checkpoints of older versions. */
  rowsAtOnce: z.int().positive().optional(),
  /** Where products were computed in float16, or had been before: skipped steps count as steps, but not for the schedule. */
  lossScale: z.object({ scale: z.number(), growthTracker: z.number(), skippedSteps: z.int().nonnegative() }).optional(),
  /** Rows and their lengths, so that resuming on other data is noticed. */
  rows: z.number(),
  seed: z.number(),
});

/** The step whose evaluation was the best when a checkpoint was saved, where one is known. */
export function bestStepOf(path: string): number | undefined {
  return savedState.shape.best.safeParse(readCheckpointState(path).best).data?.step;
}
