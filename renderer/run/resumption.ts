// What going on from a checkpoint would mean, in the words of the dialog and in values for the host, which decides by
// the same rule (main/app/branch-run.ts).
import type { RunOverview } from '../../preload/contract.ts';

type Recipe = RunOverview['recipe'];

/** How long a recipe trains, by the key that says so. */
export function lengthOf(recipe: Recipe): { key: 'max_steps' | 'num_train_epochs'; label: string; value: number } {
  const steps = Number(recipe.max_steps ?? -1);
  return steps > 0
    ? { key: 'max_steps', label: 'Train until step', value: steps }
    : { key: 'num_train_epochs', label: 'Train until epoch', value: Number(recipe.num_train_epochs) };
}

export type Resumption = {
  /** What changes in the recipe. */
  values: Record<string, number>;
  /** The run itself goes on; otherwise a new one begins. */
  goesOnItself: boolean;
  text: string;
};

/** Null: the field is empty. */
export function resumption(
  run: Pick<RunOverview, 'id' | 'name' | 'recipe' | 'status' | 'step' | 'checkpoints'>,
  step: number,
  { length, rate }: { length: number | null; rate: number | null },
): Resumption {
  const was = lengthOf(run.recipe);
  const values: Record<string, number> = {};
  if (length !== null && length !== was.value) values[was.key] = length;
  if (rate !== null && rate !== Number(run.recipe.learning_rate)) values.learning_rate = rate;
  const name = run.name ?? run.id;
  const isLast = run.checkpoints.every((one) => one.step <= step);
  const goesOnItself = run.status !== 'completed' && isLast && Object.keys(values).length === 0;
  const same =
    run.status === 'completed' && Object.keys(values).length === 0 ? ' With nothing changed it ends as that did.' : '';
  const again =
    run.step === step ? '' : ` Steps ${step + 1} to ${run.step} came after the last checkpoint and are trained again.`;
  return {
    values,
    goesOnItself,
    text: goesOnItself
      ? `${name} itself goes on.${again}`
      : `A new run begins with what ${name} had learned by step ${step}: adapter, optimizer and curves. ${name} stays as it is, with all that came after, and the two can be compared.${same}`,
  };
}
