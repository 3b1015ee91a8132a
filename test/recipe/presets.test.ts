import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseRecipe } from '../../main/recipe/parse.ts';
import { listPresets, withPreset } from '../../main/recipe/presets.ts';
import type { Method } from '../../main/recipe/recipe.ts';
import { readRecipeFile } from '../../main/recipe/yaml.ts';

const folder = fileURLToPath(new URL('../../resources/presets', import.meta.url));
const base = { model_name_or_path: 'm', dataset_name: 'd.jsonl' };
const presets = listPresets(folder);

test('there are presets for a try, for most data, for a result that matters, for little memory, for a large model, and the handbook', () => {
  expect(presets.map(({ method, name }) => `${method} ${name}`)).toEqual([
    'sft balanced',
    'sft handbook',
    'sft low-memory',
    'sft qlora',
    'sft quick-try',
    'sft thorough',
    'dpo balanced',
    'dpo handbook',
    'dpo low-memory',
    'dpo qlora',
    'dpo quick-try',
  ]);
});

test.each(presets)(
  'the preset $name for $method is a whole recipe but for model and data',
  ({ method, path, purpose }) => {
    const given = readRecipeFile(path);
    expect(Object.keys(given)).not.toContain('model_name_or_path');
    const { recipe, notes } = parseRecipe<Method>(method, { ...given, ...base });
    // A preset that sets what takes no effect would mislead.
    expect(notes).toEqual([]);
    // Rows that are set aside are evaluated.
    expect(recipe.test_split_size === undefined).toBe(recipe.eval_strategy === 'no');
    expect(purpose).toMatch(/^[A-Z].*\.$/);
    expect(readFileSync(path, 'utf8')).toMatch(/^# /);
  },
);

// The reference recipe's values: finetune.py of the LLM Engineer's Handbook.
test('the handbook presets hold the values of the book', () => {
  const shared = {
    lora_r: 32,
    lora_alpha: 32,
    lora_dropout: 0,
    lora_target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
    test_split_size: 0.05,
    template: 'alpaca',
    per_device_train_batch_size: 2,
    gradient_accumulation_steps: 8,
    optim: 'adamw_8bit',
    weight_decay: 0.01,
    lr_scheduler_type: 'linear',
    warmup_steps: 10,
    seed: 0,
    logging_steps: 1,
    bf16: 'auto',
    fp16: 'auto',
  };
  const recipeOf = (method: Method) =>
    parseRecipe<Method>(method, withPreset(folder, { method, name: 'handbook' }, base)).recipe;
  expect(recipeOf('sft')).toMatchObject({
    ...shared,
    learning_rate: 3e-4,
    num_train_epochs: 3,
    max_length: 2048,
    packing: true,
    completion_only_loss: false,
  });
  expect(recipeOf('dpo')).toMatchObject({
    ...shared,
    learning_rate: 2e-6,
    num_train_epochs: 1,
    beta: 0.5,
    eval_steps: 0.2,
  });
});

test('given keys win over the preset, also in other words', () => {
  const over = (given: Record<string, unknown>) => withPreset(folder, { method: 'sft', name: 'balanced' }, given);
  expect(over({ lora_r: 4 })).toMatchObject({ lora_r: 4, lora_alpha: 32 });
  expect(over({ eval_dataset_name: 'e.jsonl' })).not.toHaveProperty('test_split_size');
  expect(over({ max_steps: 5 })).not.toHaveProperty('num_train_epochs');
  expect(parseRecipe('sft', over({ ...base, warmup_ratio: 0.2 })).recipe.warmup_steps).toBe(0.2);
});

test('an unknown preset names the nearest, or the method it is for', () => {
  expect(() => withPreset(folder, { method: 'sft', name: 'quicktry' }, {})).toThrow(/Did you mean quick-try/);
  expect(() => withPreset(folder, { method: 'dpo', name: 'thorough' }, {})).toThrow(/thorough is for sft, not for dpo/);
});

test('a method without presets says so', () => {
  const asked = () => withPreset(folder, { method: 'orpo', name: 'quick' }, {});
  expect(asked).toThrow(/There is no preset quick for orpo\.$/);
  expect(asked).toThrow(expect.objectContaining({ commandLine: expect.stringMatching(/Remove --preset/) as string }));
});
