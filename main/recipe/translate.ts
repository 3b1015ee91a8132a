// Keys and values that TRL words differently than a recipe here does: older names, aliases, several keys for one
// thing. Changes the values in place; what is worth telling becomes a note.
import { UserError } from '../errors.ts';
import { filesOfMixture } from './dataset-mixture.ts';
import type { CheckContext } from './method.ts';
import { badValue, conflict } from './problems.ts';
import { TRACKERS } from './shared-keys.ts';

type Values = Map<string, unknown>;
type Note = CheckContext['note'];

/** Keys that are taken away here. */
export const TRANSLATED_KEYS: readonly string[] = [
  'datasets',
  'use_peft',
  'use_cpu',
  'no_cuda',
  'warmup_ratio',
  'group_by_length',
  'activation_checkpointing',
  'dtype',
];

/** Other names of optimizers -> ours, and what to say of it. Paging moves memory, not numbers. */
const OPTIMIZERS: Readonly<Record<string, readonly [string, string]>> = {
  adamw_torch_fused: ['adamw_torch', ''],
  paged_adamw_32bit: ['adamw_torch', 'is adamw_torch with its state moved out of the GPU when needed'],
  adamw_bnb_8bit: ['adamw_8bit', ''],
  paged_adamw_8bit: ['adamw_8bit', 'is adamw_8bit with its state moved out of the GPU when needed'],
  lion: ['lion_32bit', ''],
  paged_lion_32bit: ['lion_32bit', 'is lion_32bit with its state moved out of the GPU when needed'],
};

/** What transformers can report to and Lorelei cannot. */
const OTHER_TRACKERS: readonly string[] = [
  'azure_ml',
  'clearml',
  'codecarbon',
  'dagshub',
  'dvclive',
  'flyte',
  'kubeflow',
  'neptune',
  'swanlab',
  'trackio',
  'wandb',
];

export const isOn = (value: unknown): boolean =>
  value === true || (typeof value === 'string' && /^(true|yes|on|1)$/i.test(value));
export const isOff = (value: unknown): boolean =>
  value === false || (typeof value === 'string' && /^(false|no|off|0)$/i.test(value));

/** Gives a value of a key its name of today. */
export function renameValue(values: Values, key: string, names: Readonly<Record<string, string>>, note?: Note): void {
  const value = values.get(key);
  const name = typeof value === 'string' ? names[value] : undefined;
  if (name === undefined) return;
  values.set(key, name);
  note?.(`${key}: ${String(value)} is called ${name} now.`);
}

function take(values: Values, key: string): unknown {
  const value = values.get(key);
  values.delete(key);
  return value;
}

/** Removes the keys that a recipe does not hold from `values`, and puts what they mean there. */
export function translate(values: Values, note: Note): void {
  translateData(values);
  requireLora(values, note);
  if ([take(values, 'use_cpu'), take(values, 'no_cuda')].some(isOn) && !values.has('device')) {
    values.set('device', 'cpu');
  }
  const checkpointing = take(values, 'activation_checkpointing');
  if (checkpointing !== undefined && !values.has('gradient_checkpointing')) {
    values.set('gradient_checkpointing', checkpointing);
  }
  if (isOn(take(values, 'group_by_length')) && !values.has('train_sampling_strategy')) {
    values.set('train_sampling_strategy', 'group_by_length');
  }
  translateDtype(values, note);
  translateWarmup(values);
  translateOptimizer(values, note);
  translateTrackers(values, note);
}

function translateData(values: Values): void {
  const mixture = take(values, 'datasets');
  if (mixture === undefined) return;
  if (values.has('dataset_name')) {
    throw conflict('The recipe sets both dataset_name and datasets.', 'Keep one of them.');
  }
  values.set('dataset_name', filesOfMixture(mixture));
}

function requireLora(values: Values, note: Note): void {
  const usePeft = take(values, 'use_peft');
  if (isOff(usePeft)) {
    if (isOn(values.get('load_in_4bit')))
      throw conflict(
        'The recipe sets use_peft: false and load_in_4bit: true, but weights in four bits cannot be trained themselves.',
        'Remove use_peft or set it to true: a LoRA adapter is trained beside the rounded weights (QLoRA).',
      );
    throw new UserError({
      code: 'recipe-refused',
      message: 'use_peft: false asks to train all weights, which is not here yet.',
      fix: 'Remove use_peft or set it to true to train a LoRA adapter.',
    });
  }
  if (usePeft === undefined) note('use_peft is not set: a LoRA adapter is trained (trl would train all weights).');
}

/** Here the frozen weights keep the precision of their files, whatever is computed in. */
function translateDtype(values: Values, note: Note): void {
  const dtype = take(values, 'dtype');
  if (dtype === undefined || dtype === 'auto' || dtype === 'float32') return;
  if (dtype !== 'bfloat16' && dtype !== 'float16') {
    throw badValue('dtype', dtype, 'one of auto, float32, bfloat16, float16', 'auto');
  }
  note('dtype: weights stay as they are stored; bf16 and fp16 say in what a run computes.');
}

function translateWarmup(values: Values): void {
  const ratio = take(values, 'warmup_ratio');
  if (ratio === undefined) return;
  const share = Number(ratio);
  if (!(share >= 0 && share < 1)) {
    throw badValue('warmup_ratio', ratio, 'a share of all steps, at least 0 and below 1', '0.1');
  }
  // As in transformers: warmup_steps wins where both are given.
  if (Number(values.get('warmup_steps') ?? 0) === 0) values.set('warmup_steps', share);
}

function translateOptimizer(values: Values, note: Note): void {
  const given = values.get('optim');
  const [ours, what] = (typeof given === 'string' ? OPTIMIZERS[given] : undefined) ?? [];
  if (ours === undefined) return;
  values.set('optim', ours);
  if (what !== '') note(`optim: ${String(given)} ${what ?? ''}; ${ours} is used, with the same numbers.`);
}

function translateTrackers(values: Values, note: Note): void {
  const given = values.get('report_to');
  const names: unknown[] = Array.isArray(given) ? given : typeof given === 'string' ? [given] : [];
  const isOther = (name: unknown): boolean => typeof name === 'string' && OTHER_TRACKERS.includes(name);
  const others = names.filter(isOther);
  if (others.length === 0) return;
  values.set(
    'report_to',
    names.filter((name) => !isOther(name)),
  );
  note(`report_to: ${others.join(', ')} is not available (${TRACKERS.join(', ')} are); the history keeps every step.`);
}
