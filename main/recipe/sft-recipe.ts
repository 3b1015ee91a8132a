// What an SFT run is: every key that takes effect, with TRL's name and TRL's default. Keys that do not take effect
// stand in other-keys.ts; what several keys must agree on, in parse.ts.
import { z } from 'zod';
import { choice, flag, number, stepInterval, text, texts, wholeNumber, type FieldWords } from './fields.ts';

const targetModules = z
  .union([z.literal('all-linear'), texts('[q_proj, v_proj]')])
  .meta({ allowed: '"all-linear" or a list of layer names', example: 'all-linear' } satisfies FieldWords);

const columnMapping = z.record(z.string(), z.string().min(1)).meta({
  allowed: 'a mapping of our column to the column in the file',
  example: '{instruction: question, output: answer}',
} satisfies FieldWords);

export const sftRecipe = z.object({
  // Model
  /** Folder of the model: config.json, *.safetensors, tokenizer.json. */
  model_name_or_path: text('models/Llama-3.2-1B'),
  /** Ours: a PEFT adapter to continue from; its rank, alpha and targets then replace the lora_ keys. */
  adapter_name_or_path: text('runs/first/adapter').optional(),
  /** Ours. */
  device: choice(['auto', 'cpu', 'cuda', 'webgpu', 'coreml', 'dml']).default('auto'),
  lora_r: wholeNumber({ from: 1, example: '16' }).default(16),
  lora_alpha: number({ above: 0, example: '32' }).default(32),
  lora_dropout: number({ from: 0, below: 1, example: '0.05' }).default(0.05),
  /** Layer names, matched as PEFT does, or all linear layers but the head. Unset: PEFT's choice for the model. */
  lora_target_modules: targetModules.optional(),
  use_rslora: flag().default(false),

  // Data
  /** Files, globs or folders. Absolute paths of files in a run. */
  dataset_name: texts('data/train.jsonl'),
  /** Ours: files to evaluate on. */
  eval_dataset_name: texts('data/test.jsonl').optional(),
  /** In a folder, files named after this split are trained on. */
  dataset_train_split: text('train').default('train'),
  /** In a folder, files named after this split are evaluated on. */
  dataset_test_split: text('test').default('test'),
  /** Share of the rows (below 1) or number of rows (1 and more) to set aside for evaluation. */
  test_split_size: z
    .union([number({ above: 0, below: 1, example: '0.05' }), wholeNumber({ from: 1, example: '100' })])
    .meta({
      allowed: 'a share between 0 and 1 or a whole number of rows, at least 1',
      example: '0.05',
    } satisfies FieldWords)
    .optional(),
  dataset_text_field: text('text').default('text'),
  /** Ours: our column -> the file's column, where the names differ. */
  columns: columnMapping.optional(),
  /** Ours: how rows become text. */
  template: choice(['model', 'chatml', 'alpaca', 'none']).default('model'),
  eos_token: text('</s>').optional(),
  /** Tokens kept of a row; null keeps all. */
  max_length: wholeNumber({ from: 2, example: '1024' }).nullable().default(1024),
  /** Unset: true for rows of prompt and completion. */
  completion_only_loss: flag().optional(),
  assistant_only_loss: flag().default(false),
  train_sampling_strategy: choice(['random', 'sequential', 'group_by_length']).default('random'),

  // Training
  learning_rate: number({ above: 0, upTo: 10, example: '2e-5' }).default(2e-5),
  num_train_epochs: number({ above: 0, example: '3' }).default(3),
  /** Optimizer steps; -1 lets num_train_epochs decide. */
  max_steps: wholeNumber({ from: -1, example: '100' })
    .refine((value) => value !== 0)
    .meta({
      allowed: 'a whole number of steps, at least 1, or -1 to let num_train_epochs decide',
      example: '100',
    } satisfies FieldWords)
    .default(-1),
  per_device_train_batch_size: wholeNumber({ from: 1, example: '8' }).default(8),
  per_device_eval_batch_size: wholeNumber({ from: 1, example: '8' }).default(8),
  gradient_accumulation_steps: wholeNumber({ from: 1, example: '1' }).default(1),
  /** Recompute activations per layer: less memory, more time. TRL's default is true. */
  gradient_checkpointing: flag().default(false),
  optim: choice(['adamw_torch']).default('adamw_torch'),
  weight_decay: number({ from: 0, example: '0.01' }).default(0),
  adam_beta1: number({ from: 0, below: 1, example: '0.9' }).default(0.9),
  adam_beta2: number({ from: 0, below: 1, example: '0.999' }).default(0.999),
  adam_epsilon: number({ above: 0, example: '1e-8' }).default(1e-8),
  /** 0 switches clipping off. */
  max_grad_norm: number({ from: 0, example: '1.0' }).default(1),
  lr_scheduler_type: choice(['linear', 'cosine', 'constant', 'constant_with_warmup']).default('linear'),
  /** Steps, or, below 1, a share of all steps. */
  warmup_steps: number({ from: 0, example: '10' })
    .refine((value) => value < 1 || Number.isInteger(value))
    .meta({ allowed: 'a whole number of steps or a share of all steps below 1', example: '10' } satisfies FieldWords)
    .default(0),
  seed: wholeNumber({ from: 0, upTo: 2 ** 32 - 1, example: '42' }).default(42),
  /** Seed of the order of rows; unset: seed. */
  data_seed: wholeNumber({ from: 0, upTo: 2 ** 32 - 1, example: '42' }).optional(),

  // Logging, evaluation, checkpoints
  logging_steps: stepInterval('10').default(10),
  eval_strategy: choice(['no', 'steps', 'epoch']).default('no'),
  /** Unset: logging_steps. */
  eval_steps: stepInterval('100').optional(),
  eval_on_start: flag().default(false),
  save_strategy: choice(['no', 'steps', 'epoch']).default('steps'),
  save_steps: stepInterval('500').default(500),
  /** Checkpoints kept; unset keeps all. */
  save_total_limit: wholeNumber({ from: 1, example: '3' }).optional(),
  run_name: text('llama on support mails').optional(),
  /** Where the finished adapter goes; unset: the run's own folder. */
  output_dir: text('adapters/first').optional(),
  /** Replace an adapter that already lies in output_dir. */
  overwrite_output_dir: flag().default(false),
});

/** A checked SFT recipe: every default filled in. */
export type SftRecipe = z.infer<typeof sftRecipe>;

export type SftKey = keyof SftRecipe;

/** Keys that only Lorelei knows; TRL would refuse them. */
export const OWN_KEYS: readonly SftKey[] = [
  'adapter_name_or_path',
  'device',
  'eval_dataset_name',
  'columns',
  'template',
  'test_split_size',
  'overwrite_output_dir',
];

/** The words for an error about a key: what it may be, and an example. */
export function fieldWords(key: SftKey): FieldWords {
  let schema: z.ZodType = sftRecipe.shape[key];
  while (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    schema = schema.unwrap() as z.ZodType;
  }
  const { allowed, example } = schema.meta() as FieldWords;
  return { allowed: sftRecipe.shape[key].safeParse(null).success ? `${allowed}, or null` : allowed, example };
}
