// The keys that take effect in every method, with TRL's names and TRL's defaults, in the order in which a written
// recipe shows them. Each method puts its own beside them (sft-recipe.ts, dpo-recipe.ts); keys without effect stand in
// other-keys.ts; what several keys must agree on, in shared-checks.ts.
import { z } from 'zod';
import { schedulerTypes } from '../engine/optim/schedule.ts';
import {
  choice,
  flag,
  flagOrAuto,
  mapping,
  number,
  prompts,
  stepInterval,
  text,
  texts,
  wholeNumber,
  type FieldWords,
} from './fields.ts';

/** Trackers that a run can report to. */
export const TRACKERS = ['comet_ml', 'tensorboard', 'mlflow'] as const;

const targetModules = z
  .union([z.literal('all-linear'), texts('[q_proj, v_proj]')])
  .meta({ allowed: '"all-linear" or a list of layer names', example: 'all-linear' } satisfies FieldWords);

const columnMapping = z.record(z.string(), z.string().min(1)).meta({
  allowed: 'a mapping of our column to the column in the file',
  example: '{instruction: question, output: answer}',
} satisfies FieldWords);

const initialWeights = z
  .preprocess(
    (value) => (value === 'true' || value === 'True' ? true : value),
    z.union([z.literal(true), z.enum(['gaussian', 'pissa']), z.templateLiteral(['pissa_niter_', z.int().positive()])]),
  )
  .meta({
    allowed: 'one of true, gaussian, pissa, pissa_niter_16',
    example: 'gaussian',
  } satisfies FieldWords);

const device = z
  .string()
  .regex(/^(auto|cpu|cuda|cuda:\d{1,3}|webgpu|coreml|dml)$/)
  .meta({
    allowed: 'one of auto, cpu, cuda, cuda:1 (the second GPU), webgpu, coreml, dml',
    example: 'auto',
  } satisfies FieldWords);

export const modelKeys = {
  /** Folder of the model: config.json, *.safetensors, tokenizer.json. */
  model_name_or_path: text('models/Llama-3.2-1B'),
  /** Ours: a PEFT adapter to continue from; its rank, alpha and targets then replace the lora_ keys. */
  adapter_name_or_path: text('runs/first/adapter').optional(),
  /** Ours. */
  device: device.default('auto'),
  /** Multiply in bfloat16. "auto" does where a trial has shown that the device does; TRL's default is true unless fp16 is. */
  bf16: flagOrAuto().default('auto'),
  /** Multiply in float16. "auto" does where the device does and bfloat16 is not there; TRL's default is false. */
  fp16: flagOrAuto().default('auto'),
  /** Round the linear layers of the base model to four bits (QLoRA, arXiv:2305.14314). */
  load_in_4bit: flag().default(false),
  bnb_4bit_quant_type: choice(['nf4', 'fp4']).default('nf4'),
  /** Round the scales of the blocks too: 0.4 bits less for each weight. */
  use_bnb_nested_quant: flag().default(false),
  /** Ours: evenly spaced numbers in blocks of 32 in place of bitsandbytes' types. */
  use_int4_blocks: flag().default(false),
  lora_r: wholeNumber({ from: 1, example: '16' }).default(16),
  lora_alpha: number({ above: 0, example: '32' }).default(32),
  lora_dropout: number({ from: 0, below: 1, example: '0.05' }).default(0.05),
  /** Layer names, matched as PEFT does, or all linear layers but the head. Unset: PEFT's choice for the model. */
  lora_target_modules: targetModules.optional(),
  use_rslora: flag().default(false),
  /** DoRA, arXiv:2402.09353. */
  use_dora: flag().default(false),
  /** Ours, PEFT's name: how A and B start. PiSSA is arXiv:2404.02948. */
  init_lora_weights: initialWeights.default(true),
  /** Ours, PEFT's name: layer names or regular expressions -> rank, where it is not lora_r. */
  rank_pattern: mapping(wholeNumber({ from: 1, example: '8' }), {
    allowed: 'a mapping of layer names to whole numbers of at least 1',
    example: '{q_proj: 32, layers.0.self_attn.v_proj: 8}',
  }).default({}),
  /** Ours, PEFT's name: the same for lora_alpha. */
  alpha_pattern: mapping(number({ above: 0, example: '16' }), {
    allowed: 'a mapping of layer names to numbers above 0',
    example: '{q_proj: 64}',
  }).default({}),
  /** Ours, PEFT's name: B learns this many times faster than A (LoRA+, arXiv:2402.12354). */
  loraplus_lr_ratio: number({ from: 1, example: '16' }).optional(),
};

export const dataKeys = {
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
  /** Ours: our column -> the file's column, where the names differ. */
  columns: columnMapping.optional(),
  /** Ours: how rows become text. */
  template: choice(['model', 'chatml', 'alpaca', 'none']).default('model'),
  eos_token: text('</s>').optional(),
  /** Tokens kept of a row; null keeps all. */
  max_length: wholeNumber({ from: 2, example: '1024' }).nullable().default(1024),
  /** Which end of a row that is too long stays. */
  truncation_mode: choice(['keep_start', 'keep_end']).default('keep_start'),
};

export const trainingKeys = {
  train_sampling_strategy: choice(['random', 'sequential', 'group_by_length']).default('random'),
  /** Leave out the rows that fill no whole batch, in every epoch and in evaluation. */
  dataloader_drop_last: flag().default(false),
  /** Ours: compute the tokens that rows of a batch begin with only once. */
  share_prefixes: choice(['auto', 'off']).default('auto'),
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
  /** The other names for these stand in translate.ts. */
  optim: choice(['adamw_torch', 'adamw_8bit', 'sgd', 'adafactor', 'lion_32bit']).default('adamw_torch'),
  weight_decay: number({ from: 0, example: '0.01' }).default(0),
  adam_beta1: number({ from: 0, below: 1, example: '0.9' }).default(0.9),
  adam_beta2: number({ from: 0, below: 1, example: '0.999' }).default(0.999),
  adam_epsilon: number({ above: 0, example: '1e-8' }).default(1e-8),
  /** 0 switches clipping off. */
  max_grad_norm: number({ from: 0, example: '1.0' }).default(1),
  lr_scheduler_type: choice(schedulerTypes).default('linear'),
  /** Arguments of the schedule, by the names of transformers: {num_cycles: 2}. */
  lr_scheduler_kwargs: mapping(z.union([number({ example: '2' }), z.string(), z.boolean()]), {
    allowed: 'a mapping of argument names to numbers or texts',
    example: '{min_lr_rate: 0.1}',
  }).default({}),
  /** Steps, or, below 1, a share of all steps. */
  warmup_steps: number({ from: 0, example: '10' })
    .refine((value) => value < 1 || Number.isInteger(value))
    .meta({ allowed: 'a whole number of steps or a share of all steps below 1', example: '10' } satisfies FieldWords)
    .default(0),
  seed: wholeNumber({ from: 0, upTo: 2 ** 32 - 1, example: '42' }).default(42),
  /** Seed of the order of rows; unset: seed. */
  data_seed: wholeNumber({ from: 0, upTo: 2 ** 32 - 1, example: '42' }).optional(),
};

export const loggingKeys = {
  logging_strategy: choice(['steps', 'epoch', 'no']).default('steps'),
  logging_steps: stepInterval('10').default(10),
  logging_first_step: flag().default(false),
  /** Where rows also go, beside the history; "all" is each of them that is set up. */
  report_to: z
    .preprocess(
      (value) =>
        value === false || value === 'none'
          ? []
          : Array.isArray(value) && value.length === 1 && ['all', 'none'].includes(String(value[0]))
            ? value[0] === 'all'
              ? 'all'
              : []
            : typeof value === 'string' && value !== 'all'
              ? [value]
              : value,
      z.union([z.literal('all'), z.array(z.enum(TRACKERS))]),
    )
    .meta({
      allowed: `none, all or a list of ${TRACKERS.join(', ')}`,
      example: 'tensorboard',
    } satisfies FieldWords)
    .default([]),
  /** Ours since transformers 5: folder of TensorBoard's files; unset: the run's own folder. */
  logging_dir: text('logs/first').optional(),
  /** Name of the project that trackers file the run under. */
  project: text('lorelei').optional(),
  run_name: text('llama on support mails').optional(),

  eval_strategy: choice(['no', 'steps', 'epoch']).default('no'),
  /** Unset: logging_steps. */
  eval_steps: stepInterval('100').optional(),
  /** Steps or, with eval_strategy: epoch, epochs before the first evaluation. */
  eval_delay: number({ from: 0, example: '100' }).default(0),
  eval_on_start: flag().default(false),
  /** "best": at every evaluation that beats all before. */
  save_strategy: choice(['no', 'steps', 'epoch', 'best']).default('steps'),
  save_steps: stepInterval('500').default(500),
  /** Checkpoints kept, the best among them; unset keeps all. */
  save_total_limit: wholeNumber({ from: 1, example: '3' }).optional(),
  /** The result is the checkpoint with the best evaluation, not the last step. */
  load_best_model_at_end: flag().default(false),
  /** A metric of the evaluation, with or without eval_; unset: loss. */
  metric_for_best_model: text('loss').optional(),
  /** Unset: true unless the metric's name ends with loss. */
  greater_is_better: flag().optional(),
  /** Ours: stop after so many evaluations without a better one. */
  early_stopping_patience: wholeNumber({ from: 1, example: '3' }).optional(),
  /** Ours: what counts as better must differ from the best by more than this. */
  early_stopping_threshold: number({ from: 0, example: '0.01' }).default(0),

  /** Ours: answered during training, to see what it does. */
  sample_prompts: prompts().optional(),
  /** Ours: unset: at every evaluation, or, without evaluation, at the end. */
  sample_steps: stepInterval('100').optional(),
  /** Ours. */
  sample_max_new_tokens: wholeNumber({ from: 1, example: '64' }).default(64),

  /** Where the finished adapter goes; unset: the run's own folder. */
  output_dir: text('adapters/first').optional(),
  /** Replace an adapter that already lies in output_dir. */
  overwrite_output_dir: flag().default(false),
};

/** What the recipes of all methods have in common. */
export type SharedRecipe = z.infer<
  z.ZodObject<typeof modelKeys & typeof dataKeys & typeof trainingKeys & typeof loggingKeys>
>;

/** Keys that only Lorelei knows; TRL would refuse them. */
export const SHARED_OWN_KEYS = [
  'adapter_name_or_path',
  'device',
  'use_int4_blocks',
  'init_lora_weights',
  'rank_pattern',
  'alpha_pattern',
  'loraplus_lr_ratio',
  'eval_dataset_name',
  'columns',
  'template',
  'share_prefixes',
  'logging_dir',
  'early_stopping_patience',
  'early_stopping_threshold',
  'sample_prompts',
  'sample_steps',
  'sample_max_new_tokens',
  'overwrite_output_dir',
] as const satisfies readonly (keyof SharedRecipe)[];

/** Keys that a model card tells of any result; where files lie is nobody's business. */
export const SHARED_CARD_KEYS = [
  'load_in_4bit',
  'lora_r',
  'lora_alpha',
  'lora_dropout',
  'use_rslora',
  'learning_rate',
  'lr_scheduler_type',
  'warmup_steps',
  'num_train_epochs',
  'per_device_train_batch_size',
  'gradient_accumulation_steps',
  'optim',
  'weight_decay',
  'max_grad_norm',
  'max_length',
  'seed',
] as const satisfies readonly (keyof SharedRecipe)[];
