// From loose keys and values (a YAML file, a command line, a form) to a checked recipe. Unknown keys, impossible
// values and keys whose effect would be missed become UserErrors that name the key, the value and the way out.
import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { UserError } from '../errors.ts';
import { filesOfMixture } from './dataset-mixture.ts';
import { DPO_KEYS, NOTED_KEYS, REFUSED_KEYS, RENAMED_KEYS, TRANSLATED_KEYS } from './other-keys.ts';
import { fieldWords, sftRecipe, type SftKey, type SftRecipe } from './sft-recipe.ts';

const USED_KEYS = new Set<string>(Object.keys(sftRecipe.shape));
const KNOWN_KEYS = [...USED_KEYS, ...TRANSLATED_KEYS, ...Object.keys(NOTED_KEYS), ...Object.keys(REFUSED_KEYS)];

const isUsed = (key: string): key is SftKey => USED_KEYS.has(key);

/** A value as one would write it in YAML, on one line. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value === '' ? '""' : value;
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

const isOn = (value: unknown): boolean =>
  value === true || (typeof value === 'string' && /^(true|yes|on|1)$/i.test(value));
const isOff = (value: unknown): boolean =>
  value === false || (typeof value === 'string' && /^(false|no|off|0)$/i.test(value));

function unknownKey(key: string): UserError {
  const renamed = RENAMED_KEYS[key];
  if (renamed !== undefined) {
    return new UserError({
      code: 'recipe-unknown-key',
      message: `The recipe key ${key} is not known; it is called ${renamed} now.`,
      fix: `Write ${renamed} instead of ${key}.`,
    });
  }
  if (DPO_KEYS.includes(key)) {
    return new UserError({
      code: 'recipe-unknown-key',
      message: `The recipe key ${key} belongs to DPO and means nothing to sft.`,
      fix: `Remove ${key}.`,
    });
  }
  // A key that takes effect is the better guess where both are about as near.
  const [used, known] = [closest(key, [...USED_KEYS]), closest(key, KNOWN_KEYS)];
  const nearest = distance(key, used) <= distance(key, known) + 1 ? used : known;
  const near = distance(key, nearest) <= Math.max(3, Math.floor(key.length / 2));
  return new UserError({
    code: 'recipe-unknown-key',
    message: `The recipe key ${key} is not known.${near ? ` Did you mean ${nearest}?` : ''}`,
    fix: near ? `Write ${nearest} instead, or remove ${key}.` : `Remove ${key}; keys are those of trl sft.`,
  });
}

/** Values that switch a feature off, which needs no note. */
function asksForNothing(value: unknown): boolean {
  return isOff(value) || value === 'none' || value === '' || (Array.isArray(value) && value.length === 0);
}

function isNeutral(value: unknown, neutral: readonly unknown[]): boolean {
  if (neutral.some((one) => JSON.stringify(one) === JSON.stringify(value))) return true;
  if (typeof value !== 'string') return false;
  return (isOff(value) && neutral.includes(false)) || (value.trim() !== '' && neutral.includes(Number(value)));
}

/** Keys that TRL words differently than the recipe does. Removes them from `values` and puts what they mean there. */
function translate(values: Map<string, unknown>, notes: string[]): void {
  const take = (key: string): unknown => {
    const value = values.get(key);
    values.delete(key);
    return value;
  };
  const mixture = take('datasets');
  if (mixture !== undefined) {
    if (values.has('dataset_name')) throw conflict('dataset_name', 'datasets', 'Keep one of them.');
    values.set('dataset_name', filesOfMixture(mixture));
  }
  const usePeft = take('use_peft');
  if (isOff(usePeft)) {
    throw new UserError({
      code: 'recipe-refused',
      message: 'use_peft: false asks to train all weights, which is not here yet.',
      fix: 'Remove use_peft or set it to true to train a LoRA adapter.',
    });
  }
  if (usePeft === undefined)
    notes.push('use_peft is not set: a LoRA adapter is trained (trl sft would train all weights).');
  const useCpu = [take('use_cpu'), take('no_cuda')].some(isOn);
  if (useCpu && !values.has('device')) values.set('device', 'cpu');

  const checkpointing = take('activation_checkpointing');
  if (checkpointing !== undefined && !values.has('gradient_checkpointing')) {
    values.set('gradient_checkpointing', checkpointing);
  }
  if (isOn(take('group_by_length')) && !values.has('train_sampling_strategy')) {
    values.set('train_sampling_strategy', 'group_by_length');
  }
  const ratio = take('warmup_ratio');
  if (ratio !== undefined) {
    const share = Number(ratio);
    if (!(share >= 0 && share < 1))
      throw badValue('warmup_ratio', ratio, 'a share of all steps, at least 0 and below 1', '0.1');
    // As in transformers: warmup_steps wins where both are given.
    if (Number(values.get('warmup_steps') ?? 0) === 0) values.set('warmup_steps', share);
  }
  if (values.get('optim') === 'adamw_torch_fused') {
    values.set('optim', 'adamw_torch');
    notes.push('optim: adamw_torch_fused is the same arithmetic as adamw_torch, which is used.');
  }
}

function conflict(one: string, other: string, fix: string): UserError {
  return new UserError({ code: 'recipe-conflict', message: `The recipe sets both ${one} and ${other}.`, fix });
}

function badValue(key: string, value: unknown, allowed: string, example: string): UserError {
  const given = value === undefined ? `${key} is missing` : `${key} is ${shown(value)}`;
  return new UserError({
    code: value === undefined ? 'recipe-missing-key' : 'recipe-value',
    message: `${given}; it must be ${allowed}.`,
    fix: `Set ${key}, for example: ${key}: ${example}`,
  });
}

const NOT_YET: Partial<Record<SftKey, string>> = {
  optim: 'Other optimizers are not here yet',
  lr_scheduler_type: 'Other schedules are not here yet',
};

function firstProblem(values: Map<string, unknown>, error: z.ZodError): UserError {
  const key = String(error.issues[0]?.path[0]) as SftKey;
  const { allowed, example } = fieldWords(key);
  const value = values.get(key);
  const later = NOT_YET[key];
  const problem = badValue(key, value, later === undefined ? allowed : `${allowed}. ${later}`, example);
  return key === 'model_name_or_path' && value === undefined
    ? new UserError({
        ...problem.toDetails(),
        fix: 'Set model_name_or_path to a folder with config.json, *.safetensors and tokenizer.json.',
      })
    : key === 'dataset_name' && value === undefined
      ? new UserError({
          ...problem.toDetails(),
          message: 'The recipe names no data: dataset_name is missing.',
          fix: 'Set dataset_name to a file, a glob, a folder or a list of them.',
        })
      : problem;
}

/** What single keys cannot know. */
function checkTogether(recipe: SftRecipe, notes: string[]): void {
  const hasEvalData = recipe.eval_dataset_name !== undefined || recipe.test_split_size !== undefined;
  if (recipe.eval_dataset_name !== undefined && recipe.test_split_size !== undefined) {
    throw conflict('eval_dataset_name', 'test_split_size', 'Keep the one that says where evaluation rows come from.');
  }
  if (hasEvalData && recipe.eval_strategy === 'no' && !recipe.eval_on_start) {
    notes.push('Rows are set aside for evaluation, but eval_strategy is no, so they are never evaluated.');
  }
  if (recipe.adapter_name_or_path !== undefined) {
    notes.push(
      'adapter_name_or_path: rank, alpha and target modules are those of the adapter; of the lora_ keys only lora_dropout counts.',
    );
  }
}

/** Whether a recipe asks for evaluation, which then needs rows to evaluate on. */
export function evaluates(recipe: SftRecipe): boolean {
  return recipe.eval_strategy !== 'no' || recipe.eval_on_start;
}

/**
 * Checks the keys of an SFT run and fills in the defaults.
 *
 * `notes` are sentences for the run's events: keys that were accepted without taking effect. Throws UserError with
 * code "recipe-unknown-key", "recipe-missing-key", "recipe-value", "recipe-refused" or "recipe-conflict".
 */
export function parseSftRecipe(input: Record<string, unknown>): { recipe: SftRecipe; notes: string[] } {
  const notes: string[] = [];
  // Null (in Python's words None) means "not set", except for max_length, where it means "no limit".
  const isNull = (value: unknown): boolean =>
    value === null || value === undefined || value === 'None' || value === 'null';
  const values = new Map(
    Object.entries(input)
      .map(([key, value]): [string, unknown] => [key, isNull(value) ? null : value])
      .filter(([key, value]) => value !== null || key === 'max_length'),
  );
  for (const key of Object.keys(input)) if (!KNOWN_KEYS.includes(key)) throw unknownKey(key);
  translate(values, notes);
  for (const [key, value] of values) {
    if (isUsed(key)) continue;
    values.delete(key);
    const refused = REFUSED_KEYS[key];
    if (refused === undefined) {
      if (!asksForNothing(value)) notes.push(`${key}: ${NOTED_KEYS[key] ?? ''}`);
    } else if (!isNeutral(value, refused.neutral)) {
      throw new UserError({
        code: 'recipe-refused',
        message: `${key}: ${shown(value)} ${refused.reason}.`,
        fix: refused.fix,
      });
    }
  }
  const parsed = sftRecipe.safeParse(Object.fromEntries(values));
  if (!parsed.success) throw firstProblem(values, parsed.error);
  checkTogether(parsed.data, notes);
  return { recipe: parsed.data, notes };
}

/** A recipe that parseSftRecipe gave and the history kept. Throws UserError "run-recipe-outdated". */
export function restoreSftRecipe(stored: Record<string, unknown>): SftRecipe {
  const parsed = sftRecipe.safeParse(stored);
  if (parsed.success) return parsed.data;
  const key = String(parsed.error.issues[0]?.path[0]);
  throw new UserError({
    code: 'run-recipe-outdated',
    message: `This run was started by another version of Lorelei: its recipe holds ${key}: ${shown(stored[key] ?? null)}, which this version does not know.`,
    fix: 'Continue it with the version that started it, or start a new run.',
  });
}
