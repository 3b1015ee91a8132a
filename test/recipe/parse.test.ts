import { expect, test } from 'vitest';
import { UserError } from '../../main/errors.ts';
import { likelyMethod, parseRecipe, restoreRecipe } from '../../main/recipe/parse.ts';
import type { Method } from '../../main/recipe/recipe.ts';

const base = { model_name_or_path: 'm', dataset_name: 'd.jsonl', use_peft: true };

function refusal(input: Record<string, unknown>, method: Method = 'sft'): UserError {
  try {
    parseRecipe<Method>(method, input);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

// The defaults of trl 1.16 (SFTConfig, ModelConfig) and transformers 5.23 (TrainingArguments), read from their dataclasses.
test('defaults are those of trl sft', () => {
  const { recipe, notes } = parseRecipe('sft', base);
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
    method: 'sft',
    truncation_mode: 'keep_start',
    packing: false,
    packing_strategy: 'bfd',
    loss_type: 'nll',
    use_dora: false,
    lr_scheduler_kwargs: {},
    report_to: [],
    logging_strategy: 'steps',
    logging_first_step: false,
    eval_delay: 0,
    eval_on_start: false,
    load_best_model_at_end: false,
    dataloader_drop_last: false,
  });
  expect(recipe.eval_packing).toBeUndefined();
  expect(recipe.neftune_noise_alpha).toBeUndefined();
  expect(recipe.metric_for_best_model).toBeUndefined();
  expect(recipe.completion_only_loss).toBeUndefined();
  expect(recipe.save_total_limit).toBeUndefined();
});

test('numbers and booleans may be text, as from a command line or PyYAML', () => {
  const { recipe } = parseRecipe('sft', {
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
  ['lr_scheduler_type', 'reduce_lr_on_plateau', 'linear, cosine, constant, constant_with_warmup'],
  ['lr_scheduler_kwargs', 'min_lr=0', 'a mapping of argument names'],
  ['lr_scheduler_kwargs', { num_cycles: [1] }, 'a mapping of argument names'],
  ['optim', 'lomo', 'adamw_torch, adamw_8bit, sgd, adafactor, lion_32bit'],
  ['truncation_mode', 'keep_middle', 'keep_start, keep_end'],
  ['init_lora_weights', 'olora', 'true, gaussian, pissa'],
  ['rank_pattern', { q_proj: 0 }, 'whole numbers of at least 1'],
  ['rank_pattern', 'q_proj', 'a mapping'],
  ['alpha_pattern', { q_proj: -1 }, 'numbers above 0'],
  ['loraplus_lr_ratio', 0.5, 'at least 1'],
  ['bf16', 'perhaps', 'true, false or auto'],
  ['dtype', 'int8', 'auto, float32, bfloat16, float16'],
  ['report_to', 'tensorbord', 'comet_ml, tensorboard, mlflow'],
  ['early_stopping_patience', 0, 'at least 1'],
  ['early_stopping_threshold', -1, 'at least 0'],
  ['eval_delay', -1, 'at least 0'],
  ['sample_prompts', [{ role: 'user' }], 'texts or lists of messages'],
  ['sample_max_new_tokens', 0, 'at least 1'],
  ['packing_strategy', 'ffd', 'bfd, bfd_split, wrapped'],
  ['loss_type', 'sigmoid', 'nll, dft'],
  ['neftune_noise_alpha', -5, 'at least 0'],
  ['share_prefixes', 'always', 'auto, off'],
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
  ['load_in_8bit', true],
  ['lora_modules_to_save', ['lm_head']],
  ['push_to_hub', true],
  ['use_peft', false],
  ['resume_from_checkpoint', 'x/checkpoint-5'],
  ['label_smoothing_factor', 0.1],
  ['optim_args', 'momentum=0.9'],
])('%s: %j would be missed, so it is refused with the reason', (key, value) => {
  const error = refusal({ ...base, [key]: value });
  expect(error.code).toBe('recipe-refused');
  expect(error.message).toContain(key);
  expect(error.fix).not.toBe('');
});

test('the same keys with the value that changes nothing are accepted in silence', () => {
  const neutral = { packing: false, use_dora: 'false', bf16: 'no', dtype: 'float32', lora_modules_to_save: null };
  expect(parseRecipe('sft', { ...base, ...neutral, loss_type: 'nll', neftune_noise_alpha: '0' }).notes).toEqual([]);
});

test('keys that only steer PyTorch are noted', () => {
  const { notes } = parseRecipe('sft', { ...base, attn_implementation: 'flash_attention_2', dtype: 'bfloat16' });
  expect(notes).toEqual([
    expect.stringMatching(/^dtype: .*as they are stored/),
    expect.stringMatching(/^attn_implementation: .*PyTorch/),
  ]);
});

test('keys that switch off what is not here anyway need no note', () => {
  expect(parseRecipe('sft', { ...base, report_to: 'none', tf32: false, use_liger_kernel: 'false' }).notes).toEqual([]);
});

test('a recipe without use_peft says that it trains LoRA', () => {
  expect(parseRecipe('sft', { model_name_or_path: 'm', dataset_name: 'd' }).notes[0]).toMatch(/LoRA/);
});

test('keys of DPO are named as such', () => {
  expect(refusal({ ...base, beta: 0.1 })).toMatchObject({
    message: expect.stringMatching(/beta belongs to DPO and means nothing to sft/) as string,
    fix: 'Remove beta, or train with DPO.',
    commandLine: expect.stringMatching(/lorelei dpo/) as string,
  });
  expect(refusal({ ...base, packing: true }, 'dpo').message).toMatch(/packing belongs to SFT and means nothing to dpo/);
  expect(refusal({ ...base, assistant_only_loss: true }, 'dpo').message).toMatch(/belongs to SFT/);
});

test('missing keys say what to set', () => {
  expect(refusal({ dataset_name: 'd' })).toMatchObject({ code: 'recipe-missing-key' });
  expect(refusal({ dataset_name: 'd' }).message).toContain('model_name_or_path');
  expect(refusal({ model_name_or_path: 'm' }).message).toContain('dataset_name');
});

test('older and other spellings mean the same', () => {
  const { recipe } = parseRecipe('sft', {
    ...base,
    warmup_ratio: 0.1,
    group_by_length: true,
    use_cpu: true,
    activation_checkpointing: true,
    optim: 'adamw_torch_fused',
    loss_type: 'chunked_nll',
    packing_strategy: 'bfd-requeue',
  });
  expect(recipe).toMatchObject({
    warmup_steps: 0.1,
    train_sampling_strategy: 'group_by_length',
    device: 'cpu',
    gradient_checkpointing: true,
    optim: 'adamw_torch',
    loss_type: 'nll',
    packing_strategy: 'bfd_split',
  });
  expect(parseRecipe('sft', { ...base, warmup_ratio: 0.1, warmup_steps: 7 }).recipe.warmup_steps).toBe(7);
});

test('a mixture of local files is a list of files', () => {
  const { recipe } = parseRecipe('sft', {
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
  expect(parseRecipe('sft', { ...base, test_split_size: 0.1 }).notes[0]).toMatch(/never evaluated/);
});

// The defaults of trl 1.16's DPOConfig; precompute_ref_log_probs has no default here, it is what always happens.
test('defaults are those of trl dpo', () => {
  const { recipe, notes } = parseRecipe('dpo', base);
  expect(notes).toEqual([]);
  expect(recipe).toMatchObject({
    method: 'dpo',
    learning_rate: 1e-6,
    beta: 0.1,
    loss_type: ['sigmoid'],
    label_smoothing: 0,
    f_divergence_type: 'reverse_kl',
    f_alpha_divergence_coef: 0.5,
    discopop_tau: 0.05,
    disable_dropout: true,
    max_length: 1024,
    truncation_mode: 'keep_start',
    num_train_epochs: 3,
    per_device_train_batch_size: 8,
    logging_steps: 10,
  });
  expect(recipe.loss_weights).toBeUndefined();
  expect(recipe.ld_alpha).toBeUndefined();
  expect(recipe.precompute_ref_batch_size).toBeUndefined();
  expect(Object.keys(recipe)).not.toContain('packing');
});

test('what a command line gives as text means the same as in a file', () => {
  const { recipe } = parseRecipe('dpo', {
    ...base,
    loss_type: ['sigmoid', 'sft'],
    loss_weights: ['1.0', '0.2'],
    lr_scheduler_type: 'cosine_with_min_lr',
    lr_scheduler_kwargs: '{"min_lr_rate": 0.1}',
    rank_pattern: '{"q_proj": 8}',
    sample_prompts: 'Who are you?',
    report_to: ['tensorboard', 'mlflow'],
  });
  expect(recipe).toMatchObject({
    loss_type: ['sigmoid', 'sft'],
    loss_weights: [1, 0.2],
    lr_scheduler_kwargs: { min_lr_rate: 0.1 },
    rank_pattern: { q_proj: 8 },
    sample_prompts: ['Who are you?'],
    report_to: ['tensorboard', 'mlflow'],
  });
  expect(parseRecipe('dpo', { ...base, loss_type: 'ipo', loss_weights: '2' }).recipe).toMatchObject({
    loss_type: ['ipo'],
    loss_weights: [2],
  });
});

test.each<[string, unknown, string]>([
  ['loss_type', 'nll', 'sigmoid, hinge, ipo'],
  ['loss_type', ['sigmoid', 'kto'], 'sigmoid, hinge, ipo'],
  ['loss_weights', [1, -1], 'numbers at least 0'],
  ['beta', -0.1, 'at least 0'],
  ['label_smoothing', 1, 'below 1'],
  ['ld_alpha', 1.5, 'at most 1'],
  ['discopop_tau', 0, 'above 0'],
  ['f_divergence_type', 'kl', 'reverse_kl, forward_kl, js_divergence, alpha_divergence'],
  ['precompute_ref_batch_size', 0, 'at least 1'],
])('dpo: %s: %j is refused and the allowed range named', (key, value, words) => {
  const error = refusal({ ...base, [key]: value }, 'dpo');
  expect(error.code).toBe('recipe-value');
  expect(error.message).toContain(key);
  expect(error.message).toContain(words);
});

test.each<[string, unknown, RegExp]>([
  ['sync_ref_model', true, /trl dpo refuses it with PEFT/],
  ['neftune_noise_alpha', 5, /only here for sft/],
])('dpo: %s: %j is refused with the reason', (key, value, reason) => {
  expect(refusal({ ...base, [key]: value }, 'dpo')).toMatchObject({ code: 'recipe-refused' });
  expect(refusal({ ...base, [key]: value }, 'dpo').message).toMatch(reason);
});

test.each<[Method, string, unknown, string, RegExp]>([
  ['orpo', 'beta', -1, 'recipe-value', /beta is -1; it must be a number at least 0/],
  ['orpo', 'loss_type', 'sigmoid', 'recipe-unknown-key', /loss_type belongs to SFT/],
  ['orpo', 'max_prompt_length', 512, 'recipe-unknown-key', /max_length limits prompt and answer together/],
  ['orpo', 'is_encoder_decoder', true, 'recipe-refused', /only decode/],
  ['orpo', 'neftune_noise_alpha', 5, 'recipe-refused', /only here for sft/],
  ['simpo', 'beta', 0, 'recipe-value', /above 0/],
  ['simpo', 'loss_type', 'hinge', 'recipe-value', /simpo/],
  ['simpo', 'label_smoothing', 1, 'recipe-value', /below 1/],
  ['simpo', 'alpha', 0.1, 'recipe-refused', /AlphaPO/],
])('%s: %s: %j is refused with the reason', (method, key, value, code, words) => {
  const error = refusal({ ...base, [key]: value }, method);
  expect(error.code).toBe(code);
  expect(error.message).toMatch(words);
});

test('simpo with the keys of a CPOConfig', () => {
  const given = {
    loss_type: 'simpo',
    beta: 2,
    cpo_alpha: 0,
    alpha: 0,
    max_completion_length: 64,
    is_encoder_decoder: false,
  };
  const { recipe, notes } = parseRecipe('simpo', { ...base, ...given });
  expect(recipe).toMatchObject({ beta: 2, simpo_gamma: 0.5, cpo_alpha: 0, learning_rate: 1e-6, disable_dropout: true });
  expect(notes).toEqual([expect.stringMatching(/^max_completion_length: only matters for models with an encoder/)]);
});

test.each([
  ['max_prompt_length', /max_length limits prompt and answer together/],
  ['reference_free', /every loss compares with the reference/],
  ['rpo_alpha', /loss_type: \[sigmoid, sft\]/],
])('dpo: the key %s of older versions says what to write now', (key, words) => {
  expect(refusal({ ...base, [key]: 1 }, 'dpo')).toMatchObject({ code: 'recipe-unknown-key' });
  expect(refusal({ ...base, [key]: 1 }, 'dpo').message).toMatch(words);
});

test('dpo: keys of a moving reference and of precomputing are noted', () => {
  const { notes } = parseRecipe('dpo', {
    ...base,
    precompute_ref_log_probs: true,
    ref_model_sync_steps: 64,
    padding_free: true,
  });
  expect(notes).toEqual([
    expect.stringMatching(/^precompute_ref_log_probs: .*always computed once/),
    expect.stringMatching(/^ref_model_sync_steps: only matters with sync_ref_model/),
    expect.stringMatching(/^padding_free: pairs of a batch fill/),
  ]);
});

test.each([
  ['adamw_torch_fused', 'adamw_torch', []],
  ['adamw_bnb_8bit', 'adamw_8bit', []],
  ['lion', 'lion_32bit', []],
  ['sgd', 'sgd', []],
  ['paged_adamw_8bit', 'adamw_8bit', [expect.stringMatching(/paged_adamw_8bit .*adamw_8bit is used/)]],
  ['paged_adamw_32bit', 'adamw_torch', [expect.stringMatching(/paged_adamw_32bit .*adamw_torch is used/)]],
])('optim: %s is %s', (given, ours, expected) => {
  const { recipe, notes } = parseRecipe('sft', { ...base, optim: given });
  expect(recipe.optim).toBe(ours);
  expect(notes).toEqual(expected);
});

test.each<[unknown, unknown, number]>([
  ['none', [], 0],
  [['none'], [], 0],
  [[], [], 0],
  ['all', 'all', 0],
  [['all'], 'all', 0],
  ['mlflow', ['mlflow'], 0],
  ['wandb', [], 1],
  [['wandb', 'tensorboard'], ['tensorboard'], 1],
])('report_to: %j reports to %j', (given, expected, noteCount) => {
  const { recipe, notes } = parseRecipe('sft', { ...base, report_to: given });
  expect(recipe.report_to).toEqual(expected);
  expect(notes).toHaveLength(noteCount);
  if (noteCount > 0) expect(notes[0]).toMatch(/wandb is not available .*history/);
});

test('the keys tell the method', () => {
  expect(likelyMethod({ ...base, beta: 0.2 })).toBe('dpo');
  expect(likelyMethod({ ...base, packing: true })).toBe('sft');
  expect(likelyMethod({ ...base, beta: 2, simpo_gamma: 1 })).toBe('simpo');
  expect(likelyMethod({ ...base, max_prompt_length: 512 })).toBe('dpo');
  expect(likelyMethod(base)).toBe('sft');
  expect(refusal({ ...base, method: 'dpo' }).commandLine).toMatch(/lorelei dpo/);
});

test('a recipe comes back from the history as it went in, or is refused', () => {
  const { recipe } = parseRecipe('sft', {
    ...base,
    max_length: null,
    lora_target_modules: ['q_proj'],
    test_split_size: 0.1,
  });
  const stored = JSON.parse(JSON.stringify(recipe)) as Record<string, unknown>;
  expect(restoreRecipe('sft', stored)).toEqual(recipe);
  expect(() => restoreRecipe('sft', { ...stored, optim: 'adamw_9bit' })).toThrow(/another version.*optim: adamw_9bit/);
  const preferences = parseRecipe('dpo', { ...base, loss_type: 'ipo', max_length: null }).recipe;
  expect(restoreRecipe('dpo', JSON.parse(JSON.stringify(preferences)) as Record<string, unknown>)).toEqual(preferences);
});

test("a recipe that the first version stored comes back as sft, with today's defaults for its new keys", () => {
  const { recipe } = parseRecipe('sft', base);
  const first = Object.fromEntries(
    Object.entries(recipe).filter(
      ([key]) => !['method', 'packing', 'loss_type', 'report_to', 'bf16', 'fp16'].includes(key),
    ),
  );
  // It computed in float32.
  expect(restoreRecipe('sft', first)).toEqual({ ...recipe, bf16: false, fp16: false });
});
