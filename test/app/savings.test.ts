// What is offered to lower a run's memory, for recipes that have some of it already.
import { expect, test } from 'vitest';
import { waysToNeedLess } from '../../main/app/savings.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import type { Method } from '../../main/recipe/recipe.ts';

const changesFor = (keys: Record<string, unknown>) =>
  waysToNeedLess(
    parseRecipe<Method>('sft', { model_name_or_path: 'm', dataset_name: 'd', use_peft: true, ...keys }).recipe,
  ).map(({ changes }) => changes);

test('a step keeps its rows where batches are halved, and all of it together is one row at a time', () => {
  const found = changesFor({ per_device_train_batch_size: 8, gradient_accumulation_steps: 2, max_length: 1024 });
  expect(found).toEqual([
    { per_device_train_batch_size: 4, gradient_accumulation_steps: 4 },
    { gradient_checkpointing: true },
    { load_in_4bit: true },
    { optim: 'adamw_8bit' },
    { max_length: 512 },
    {
      load_in_4bit: true,
      gradient_checkpointing: true,
      per_device_train_batch_size: 1,
      gradient_accumulation_steps: 16,
    },
  ]);
});

test('an odd batch is nearly halved, and said to be', () => {
  const recipe = parseRecipe<Method>('sft', {
    ...{ model_name_or_path: 'm', dataset_name: 'd', use_peft: true },
    per_device_train_batch_size: 3,
  }).recipe;
  const [first] = waysToNeedLess(recipe);
  expect(first).toMatchObject({
    text: 'Batches of 2 instead of 3, more of them a step',
    price: 'a step has a few rows more or fewer',
    changes: { per_device_train_batch_size: 2, gradient_accumulation_steps: 2 },
  });
});

test('nothing is offered that is there already, or that the recipe rules out', () => {
  const all = { gradient_checkpointing: true, load_in_4bit: true, optim: 'adamw_8bit', per_device_train_batch_size: 1 };
  expect(changesFor({ ...all, max_length: 256 })).toEqual([]);
  expect(changesFor({ ...all, max_length: null })).toEqual([]);
  expect(changesFor({ ...all, load_in_4bit: false, init_lora_weights: 'pissa', max_length: 256 })).toEqual([]);
});
