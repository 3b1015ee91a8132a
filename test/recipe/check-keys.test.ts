// All problems of a recipe at once, each at its key; and the controls that forms show.
import { expect, test } from 'vitest';
import { checkKeys } from '../../main/recipe/check-keys.ts';
import { describeKeys } from '../../main/recipe/describe-keys.ts';
import { recipeKeysIn, writeKeys } from '../../main/recipe/yaml.ts';

const whole = { model_name_or_path: 'm', dataset_name: 'd.jsonl' };

test('each wrong value is told at its key, and so is a key that nobody knows', () => {
  const { problems, recipe } = checkKeys('sft', { learning_rate: -1, lora_r: 'many', lora_q: 3, lora_alpha: 8 });
  expect(recipe).toBeUndefined();
  expect(problems.map(({ key, error }) => [key, error.code])).toEqual([
    ['learning_rate', 'recipe-value'],
    ['lora_r', 'recipe-value'],
    ['lora_q', 'recipe-unknown-key'],
  ]);
});

test('what is missing and what contradicts itself is told once each key is right', () => {
  expect(checkKeys('sft', { lora_r: 8 }).problems.map(({ key }) => key)).toEqual(['model_name_or_path']);
  const patience = checkKeys('sft', { ...whole, early_stopping_patience: 2 }).problems;
  expect(patience.map(({ key, error }) => [key, error.code])).toEqual([['early_stopping_patience', 'recipe-conflict']]);
  const beta = checkKeys('dpo', { ...whole, beta: 0 }).problems;
  expect(beta.map(({ key }) => key)).toEqual(['beta']);
});

test('a right recipe comes back with its defaults and notes', () => {
  const { problems, notes, recipe } = checkKeys('sft', { ...whole, padding_free: true });
  expect(problems).toEqual([]);
  expect(recipe).toMatchObject({ method: 'sft', lora_r: 16, dataset_name: ['d.jsonl'] });
  expect(notes.join()).toContain('padding_free');
});

test('keys get the control that fits them', () => {
  const kinds = new Map(describeKeys('dpo').map((one) => [one.key, one]));
  expect(kinds.get('learning_rate')).toMatchObject({ kind: 'number', fallback: 1e-6, group: 'Training' });
  expect(kinds.get('use_dora')).toMatchObject({ kind: 'switch', fallback: false, ours: false });
  expect(kinds.get('optim')).toMatchObject({ kind: 'choice' });
  expect(kinds.get('bf16')).toMatchObject({ kind: 'choice', choices: ['auto', 'true', 'false'] });
  expect(kinds.get('test_split_size')).toMatchObject({ kind: 'number', fallback: null });
  expect(kinds.get('warmup_steps')).toMatchObject({ kind: 'number' });
  expect(kinds.get('loss_type')).toMatchObject({ kind: 'structure', fallback: ['sigmoid'] });
  expect(kinds.get('rank_pattern')).toMatchObject({ kind: 'structure', ours: true });
  expect(kinds.get('run_name')).toMatchObject({ kind: 'text', required: false });
  expect(kinds.get('model_name_or_path')).toMatchObject({ kind: 'text', required: true });
  expect(kinds.get('adapter_name_or_path')?.does).toMatch(/^a PEFT adapter/);
});

test('keys survive the way through YAML, in the order of a written recipe', () => {
  const values = { learning_rate: 2e-5, lora_target_modules: ['q_proj', 'v_proj'], lora_r: 8, eval_strategy: 'no' };
  const text = writeKeys('sft', values);
  expect(Object.keys(recipeKeysIn(text, 'Recipe'))).toEqual([
    'lora_r',
    'lora_target_modules',
    'learning_rate',
    'eval_strategy',
  ]);
  expect(recipeKeysIn(text, 'Recipe')).toEqual(values);
  expect(writeKeys('sft', {})).toBe('');
  expect(() => recipeKeysIn('lora_r: 8\nseed: [1,', 'Recipe')).toThrow(/^Recipe:2:/);
});
