// The plan of a run in plain words.
import { expect, test } from 'vitest';
import { checkKeys } from '../../main/recipe/check-keys.ts';
import { planOf } from '../../renderer/wizard/review/plan.ts';

function plan(method: 'sft' | 'dpo', keys: Record<string, unknown>): Record<string, string> {
  const { recipe } = checkKeys(method, { model_name_or_path: 'm', dataset_name: 'd.jsonl', ...keys });
  const values = JSON.parse(JSON.stringify(recipe)) as Record<string, never>;
  const lines = planOf(method, values, { modelName: 'Starter model', dataName: 'd.jsonl' });
  return Object.fromEntries(lines.map(({ title, text }) => [title, text]));
}

test('a fine-tuning run', () => {
  expect(
    plan('sft', {
      test_split_size: 0.05,
      num_train_epochs: 1,
      completion_only_loss: true,
      lora_target_modules: 'all-linear',
    }),
  ).toEqual({
    Model: 'Starter model, whose weights stay as they are',
    Data: 'd.jsonl, 5 % of it set aside for evaluation',
    Method: 'Learns to write as the examples do, from the completions only',
    Adapter: 'LoRA of rank 16 on all linear layers',
    Training: '1 epoch of 8 rows a step, learning rate 2e-5',
    Result: "an adapter in PEFT's format in the run's own folder",
  });
});

test('a preference run with its own layers, steps and folder', () => {
  const keys = {
    max_steps: 30,
    use_dora: true,
    lora_target_modules: ['q_proj', 'v_proj'],
    output_dir: '/a',
    gradient_accumulation_steps: 4,
  };
  expect(plan('dpo', keys)).toMatchObject({
    Method: 'Learns to prefer the better answer of each pair over the worse one',
    Adapter: 'DoRA of rank 16 on q_proj, v_proj',
    Training: '30 steps of 32 rows a step, learning rate 1e-6',
    Result: "an adapter in PEFT's format in /a",
  });
});
