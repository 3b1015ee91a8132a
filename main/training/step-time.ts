// How long a step takes beside others: what step-cost.ts counts, with what each way of saving memory and each optimizer
// adds to it. The factors are fitted to `node test/bench/step-times.ts` and "The optimizer" of docs/performance.md.
import type { Recipe } from '../recipe/recipe.ts';
import { adapterParameters, multipliedWeights, stepOperations, type StepShape } from './step-cost.ts';

/** Of an optimizer step, in operations of plain float32 products at the speed that they have in a step. */
export function stepWork(recipe: Recipe, shape: StepShape): number {
  const { perOperation, perWeight } = modes[modeOf(recipe)];
  const { layers, head } = multipliedWeights(shape.model);
  const microBatch = perOperation * stepOperations(shape) + perWeight * (layers + head);
  return recipe.gradient_accumulation_steps * microBatch + perParameter[recipe.optim] * adapterParameters(shape);
}

type Mode = 'kept' | 'recomputed' | 'fourBit' | 'fourBitRecomputed';

function modeOf({ gradient_checkpointing: recomputes, load_in_4bit: rounded }: Recipe): Mode {
  if (rounded) return recomputes ? 'fourBitRecomputed' : 'fourBit';
  return recomputes ? 'recomputed' : 'kept';
}

/** A micro-batch pays for its operations, and for going through the weights, however few tokens it has. */
const modes: Readonly<Record<Mode, { perOperation: number; perWeight: number }>> = {
  kept: { perOperation: 1, perWeight: 120 },
  recomputed: { perOperation: 1.37, perWeight: 780 },
  fourBit: { perOperation: 1.125, perWeight: 1015 },
  fourBitRecomputed: { perOperation: 1.41, perWeight: 1070 },
};

/** Of the adapter, once a step. */
const perParameter: Readonly<Record<Recipe['optim'], number>> = {
  adamw_torch: 1950,
  adamw_8bit: 5460,
  adafactor: 2810,
  lion_32bit: 1300,
  sgd: 1070,
};
