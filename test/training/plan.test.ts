import { expect, test } from 'vitest';
import { parseRecipe } from '../../main/recipe/parse.ts';
import { trainingPlan } from '../../main/training/plan.ts';

const plan = (rows: number, keys: Record<string, unknown>) => {
  const base = { model_name_or_path: 'm', dataset_name: 'd', train_sampling_strategy: 'sequential' };
  const { recipe } = parseRecipe('sft', { ...base, ...keys });
  return trainingPlan(
    recipe,
    Array.from({ length: rows }, () => 5),
  );
};

const batchesOf = (one: ReturnType<typeof plan>, step: number): number[][] =>
  one.microBatches(step).map((rows) => [...rows]);

// transformers: an epoch has floor(rows / batch) batches then, else ceil, and ceil(batches / accumulation) steps.
test('dataloader_drop_last leaves out the rows that fill no whole batch', () => {
  const keys = { per_device_train_batch_size: 4, gradient_accumulation_steps: 2, num_train_epochs: 2 };
  const whole = plan(15, keys);
  expect(whole).toMatchObject({ stepsPerEpoch: 2, totalSteps: 4 });
  expect(batchesOf(whole, 1)).toEqual([
    [8, 9, 10, 11],
    [12, 13, 14],
  ]);
  const dropped = plan(15, { ...keys, dataloader_drop_last: true });
  expect(dropped).toMatchObject({ stepsPerEpoch: 2, totalSteps: 4 });
  expect(batchesOf(dropped, 1)).toEqual([[8, 9, 10, 11]]);
  expect(batchesOf(dropped, 2)).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ]);
  // Two of the three batches of an epoch are done after its first step.
  expect(dropped.epochAfter(1)).toBeCloseTo(2 / 3, 12);
  expect(whole.epochAfter(1)).toBeCloseTo(2 / 4, 12);
  expect(plan(8, { ...keys, dataloader_drop_last: true })).toMatchObject({ stepsPerEpoch: 1, totalSteps: 2 });
});

test('dropping every row is refused', () => {
  expect(() => plan(3, { per_device_train_batch_size: 4, dataloader_drop_last: true })).toThrow(
    /3 rows fill no batch of 4/,
  );
});
