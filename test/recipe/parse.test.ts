import { expect, test } from 'vitest';
import { UserError } from '../../main/errors.ts';
import { parseSftRecipe, restoreSftRecipe } from '../../main/recipe/parse.ts';

const base = { model_name_or_path: 'm', dataset_name: 'd.jsonl', use_peft: true };

function refusal(input: Record<string, unknown>): UserError {
  try {
    parseSftRecipe(input);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

// The defaults of trl 1.16 (SFTConfig, ModelConfig) and transformers 5.23 (TrainingArguments), read from their dataclasses.
test('defaults are those of trl sft', () => {
  const { recipe, notes } = parseSftRecipe(base);
  expect(notes).toEqual([]);
  expect(recipe).toMatchObject({
    dataset_name: ['d.jsonl'],
    dataset_train_split: 'train',
    dataset_test_split: 'test',
    dataset_text_field: 'text',
    lora_r: 16,
    lora_alpha: 32,
    lora_dropout: 0.05,
    use_rslora: false,
    learning_rate: 2e-5,
    num_train_epochs: 3,
    max_steps: -1,
    per_device_train_batch_size: 8,
    per_device_eval_batch_size: 8,
    gradient_accumulation_steps: 1,
    max_length: 1024,
    assistant_only_loss: false,
    lr_scheduler_type: 'linear',
    warmup_steps: 0,
    weight_decay: 0,
    adam_beta1: 0.9,
    adam_beta2: 0.999,
    adam_epsilon: 1e-8,
    max_grad_norm: 1,
    train_sampling_strategy: 'random',
    logging_steps: 10,
    eval_strategy: 'no',
    save_strategy: 'steps',
    save_steps: 500,
    seed: 42,
  });
  expect(recipe.completion_only_loss).toBeUndefined();
  expect(recipe.save_total_limit).toBeUndefined();
});

test('numbers and booleans may be text, as from a command line or PyYAML', () => {
  const { recipe } = parseSftRecipe({
    ...base,
    learning_rate: '1e-4',
    lora_r: '8',
    use_rslora: 'yes',
    assistant_only_loss: 'False',
    eval_strategy: false,
    max_length: 'None',
    lora_target_modules: 'all-linear',
    save_total_limit: null,
  });
  expect(recipe.learning_rate).toBe(0.0001);
  expect(recipe.lora_r).toBe(8);
  expect(recipe.use_rslora).toBe(true);
  expect(recipe.assistant_only_loss).toBe(false);
  expect(recipe.eval_strategy).toBe('no');
  expect(recipe.max_length).toBeNull();
  expect(recipe.lora_target_modules).toBe('all-linear');
  expect(recipe.save_total_limit).toBeUndefined();
});

test.each([
  ['learning_rat', 'learning_rate'],
  ['lora_rank', 'lora_r'],
  ['max_seq_length', 'max_length'],
  ['evaluation_strategy', 'eval_strategy'],
  ['gradient_accumulation_step', 'gradient_accumulation_steps'],
])('the unknown key %s names the nearest known one, %s', (key, nearest) => {
  const error = refusal({ ...base, [key]: 1 });
  expect(error.code).toBe('recipe-unknown-key');
  expect(error.message).toContain(key);
  expect(error.message).toMatch(new RegExp(`\\b${nearest}\\b`));
});

test('an unknown key far from every known one suggests none', () => {
  expect(refusal({ ...base, zzzzzzzzqqqq: 1 }).message).not.toContain('Did you mean');
});

test.each<[string, unknown, string]>([
  ['learning_rate', -1, 'above 0'],
  ['learning_rate', 'fast', 'above 0'],
  ['learning_rate', Number.NaN, 'above 0'],
  ['lora_r', 0, 'at least 1'],
  ['lora_r', 2.5, 'whole number'],
  ['lora_dropout', 1, 'below 1'],
  ['max_steps', 0, 'at least 1, or -1'],
  ['max_length', 1, 'at least 2, or null'],
  ['logging_steps', 1.5, 'whole number of steps'],
  ['warmup_steps', 2.5, 'whole number of steps or a share'],
  ['warmup_ratio', 1.5, 'below 1'],
  ['test_split_size', 0, 'a share between 0 and 1'],
  ['use_rslora', 'maybe', 'true or false'],
  ['lr_scheduler_type', 'polynomial', 'linear, cosine, constant, constant_with_warmup'],
  ['optim', 'adamw_8bit', 'adamw_torch. Other optimizers are not here yet'],
  ['dataset_name', [], 'text or a list'],
  ['columns', 'question', 'a mapping'],
])('%s: %j is refused and the allowed range named', (key, value, words) => {
  const error = refusal({ ...base, [key]: value });
  expect(error.code).toBe('recipe-value');
  expect(error.message).toContain(key);
  expect(error.message).toContain(words);
  expect(error.fix).toContain(`${key}: `);
});

test.each<[string, unknown]>([
  ['packing', true],
  ['use_dora', 'true'],
  ['load_in_4bit', true],
  ['bf16', true],
  ['dtype', 'bfloat16'],
  ['lora_modules_to_save', ['lm_head']],
  ['trust_remote_code', true],
  ['push_to_hub', true],
  ['use_peft', false],
  ['resume_from_checkpoint', 'x/checkpoint-5'],
  ['neftune_noise_alpha', 5],
  ['loss_type', 'dft'],
])('%s: %j would be missed, so it is refused with the reason', (key, value) => {
  const error = refusal({ ...base, [key]: value });
  expect(error.code).toBe('recipe-refused');
  expect(error.message).toContain(key);
  expect(error.fix).not.toBe('');
});

test('the same keys with the value that changes nothing are accepted in silence', () => {
  const neutral = { packing: false, use_dora: 'false', bf16: 'no', dtype: 'float32', lora_modules_to_save: null };
  expect(parseSftRecipe({ ...base, ...neutral, loss_type: 'nll', neftune_noise_alpha: '0' }).notes).toEqual([]);
});

test('keys that only steer PyTorch are noted', () => {
  const { notes } = parseSftRecipe({ ...base, attn_implementation: 'flash_attention_2', report_to: 'wandb' });
  expect(notes).toHaveLength(2);
  expect(notes[0]).toMatch(/^attn_implementation: .*PyTorch/);
  expect(notes[1]).toMatch(/^report_to: .*history/);
});

test('keys that switch off what is not here anyway need no note', () => {
  expect(parseSftRecipe({ ...base, report_to: 'none', tf32: false, use_liger_kernel: 'false' }).notes).toEqual([]);
});

test('a recipe without use_peft says that it trains LoRA', () => {
  expect(parseSftRecipe({ model_name_or_path: 'm', dataset_name: 'd' }).notes[0]).toMatch(/LoRA/);
});

test('keys of DPO are named as such', () => {
  expect(refusal({ ...base, beta: 0.1 }).message).toMatch(/beta belongs to DPO/);
});

test('missing keys say what to set', () => {
  expect(refusal({ dataset_name: 'd' })).toMatchObject({ code: 'recipe-missing-key' });
  expect(refusal({ dataset_name: 'd' }).message).toContain('model_name_or_path');
  expect(refusal({ model_name_or_path: 'm' }).message).toContain('dataset_name');
});

test('older and other spellings mean the same', () => {
  const { recipe } = parseSftRecipe({
    ...base,
    warmup_ratio: 0.1,
    group_by_length: true,
    use_cpu: true,
    activation_checkpointing: true,
    optim: 'adamw_torch_fused',
  });
  expect(recipe).toMatchObject({
    warmup_steps: 0.1,
    train_sampling_strategy: 'group_by_length',
    device: 'cpu',
    gradient_checkpointing: true,
    optim: 'adamw_torch',
  });
  expect(parseSftRecipe({ ...base, warmup_ratio: 0.1, warmup_steps: 7 }).recipe.warmup_steps).toBe(7);
});

test('a mixture of local files is a list of files', () => {
  const { recipe } = parseSftRecipe({
    model_name_or_path: 'm',
    use_peft: true,
    datasets: [
      { path: 'json', data_files: ['a.jsonl', 'b.json'] },
      { path: 'folder', data_files: { train: 'c.csv', test: 'd.csv' }, split: 'test' },
      { path: 'other' },
    ],
  });
  expect(recipe.dataset_name).toEqual(['a.jsonl', 'b.json', 'folder/d.csv', 'other']);
});

test.each([
  [[{ path: 'json', data_files: 'a', fraction: 0.5 }], 'fraction'],
  [[{ path: 'json' }], 'data_files'],
  [[{ path: 'x', data_files: { test: 'a' } }], 'split train'],
  [[], 'datasets'],
])('a mixture that needs more is refused: %j', (datasets, word) => {
  expect(refusal({ model_name_or_path: 'm', datasets }).message).toContain(word);
});

test('two sources of evaluation rows are one too many', () => {
  const error = refusal({ ...base, eval_dataset_name: 'e.jsonl', test_split_size: 0.1 });
  expect(error.code).toBe('recipe-conflict');
});

test('rows set aside but never evaluated are noted', () => {
  expect(parseSftRecipe({ ...base, test_split_size: 0.1 }).notes[0]).toMatch(/never evaluated/);
});

test('a recipe comes back from the history as it went in, or is refused', () => {
  const { recipe } = parseSftRecipe({
    ...base,
    max_length: null,
    lora_target_modules: ['q_proj'],
    test_split_size: 0.1,
  });
  const stored = JSON.parse(JSON.stringify(recipe)) as Record<string, unknown>;
  expect(restoreSftRecipe(stored)).toEqual(recipe);
  expect(() => restoreSftRecipe({ ...stored, optim: 'adamw_9bit' })).toThrow(/another version.*optim: adamw_9bit/);
});
