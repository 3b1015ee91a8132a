// Linux ends processes without a word where memory runs out. Whether it did so to a job, and how its run goes on.
import type { Recipe } from '../recipe/recipe.ts';
import { halved } from '../training/batch-limit.ts';
import { canCutBatches } from '../training/methods/objectives.ts';
import { rowsWithoutGradients } from '../training/largest-batch.ts';
import type { JobExit } from './job.ts';

/** To be asked once the process is gone that was started after this call. */
export function watchMemoryKills(count: () => number | undefined): (exit: JobExit) => boolean {
  const before = count();
  return ({ code, signal }) => {
    // Where a host does not tell the signal, shells' number for it stands in the exit code.
    const isKilled = signal === 'SIGKILL' || (signal === null && (code === 137 || code === 9));
    return isKilled && before !== undefined && (count() ?? 0) > before;
  };
}

/** How often batches are halved from here on; undefined where there is nothing left to halve. */
export function halvedOnceMore(recipe: Recipe, halvings: number): number | undefined {
  const largest = Math.max(recipe.per_device_train_batch_size, rowsWithoutGradients(recipe));
  return canCutBatches(recipe) && halved(largest, halvings) > 1 ? halvings + 1 : undefined;
}

/** How often a batch of so many rows has been halved to be of `rows`. */
export function halvingsTo(rows: number, batch: number): number {
  let halvings = 0;
  while (halved(batch, halvings) > rows) halvings += 1;
  return halvings;
}
