// The longest batch, before the first step: where memory does not reach, that should show at once and not after hours. It
// is left out where there is plenty of memory, so that small runs start at once.
import type { Batch } from '../data/types.ts';
import { freeMemory } from '../engine/runtime/free-memory.ts';
import { memoryOf } from '../recipe/memory.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { TrainingPlan } from './plan.ts';
import type { Prepared } from './prepare.ts';
import { optimizerBytes } from './run-shape.ts';
import { stepMemory } from './step-memory.ts';

/** A run that needs more than this of what is free is tried. */
const PLENTY = 0.5;

/** The rows of the micro-batch with the most tokens, padding included, of the steps to come in an epoch. */
export function longestBatch(plan: TrainingPlan, lengths: readonly number[], fromStep: number): Int32Array | undefined {
  const steps = Math.min(plan.stepsPerEpoch, plan.totalSteps - fromStep);
  let found: { rows: Int32Array; tokens: number; longest: number } | undefined;
  for (let step = fromStep; step < fromStep + steps; step++)
    for (const rows of plan.microBatches(step)) {
      const longest = rows.reduce((most, row) => Math.max(most, lengths[row] ?? 0), 0);
      const tokens = rows.length * longest;
      // Of equally many tokens, longer rows take more: attention grows with their square.
      if (!found || tokens > found.tokens || (tokens === found.tokens && longest > found.longest))
        found = { rows, tokens, longest };
    }
  return found?.rows;
}

/** Whether what this batch takes comes near to what the machine has left. Of a device, nobody knows what it has. */
export function callsForTrial(recipe: Recipe, { loaded, step, runtime }: Prepared, batch: Batch): boolean {
  if (runtime.choice.device !== 'cpu') return true;
  // Its weights are in memory already.
  const { activations, optimizer } = stepMemory({
    model: loaded.model,
    step,
    memory: memoryOf(recipe),
    batch: {
      rows: batch.batch,
      length: batch.seq,
      labels: batch.labelRows.length,
      pairs: Math.ceil(batch.sequences / 2),
    },
    evaluationBatch: undefined,
    device: 'cpu',
    stateBytes: optimizerBytes[recipe.optim],
    isPlainAdamW: true,
    microBatches: 1,
    tokenizerBytes: 0,
    dataBytes: 0,
    sampledTokens: 0,
  });
  return activations + optimizer > PLENTY * freeMemory();
}
