// adapter_config.json of PEFT: what we write, and which of its many keys we can honour when we read one.
import type { LoraPattern } from '../engine/nn/lora-pattern.ts';
import { UserError } from '../errors.ts';
import { readJsonObject } from './json-file.ts';

/** Keys are PEFT's. */
export type AdapterConfig = {
  r: number;
  lora_alpha: number;
  lora_dropout: number;
  /** Endings of layer names, or whole names. */
  target_modules: string[];
  /** Scale by alpha / sqrt(r) rather than alpha / r. */
  use_rslora: boolean;
  /** Ranks and alphas of single layers, see engine/nn/lora-pattern.ts. */
  rank_pattern?: LoraPattern;
  alpha_pattern?: LoraPattern;
  /** Every layer has magnitudes as well. */
  use_dora?: boolean;
  /** How A began; of no consequence to the finished adapter. */
  init_lora_weights?: true | 'gaussian';
  /** An id on the Hub where one is known, else a path. */
  base_model_name_or_path: string | null;
  /** Commit of the base model on the Hub. */
  revision?: string | null;
  /** Of a model that also sees: its layers are named as in the whole (language-part.ts). Shows in the names alone. */
  inWhole?: boolean;
};

/** The set of keys that old and new readers (PEFT, vLLM, llama.cpp) accept, in order of name as PEFT writes them. */
export function adapterConfigJson(config: AdapterConfig): string {
  const isGiven = (pattern: LoraPattern = {}): boolean => Object.keys(pattern).length > 0;
  const keys = {
    ...(isGiven(config.alpha_pattern) ? { alpha_pattern: config.alpha_pattern } : {}),
    base_model_name_or_path: config.base_model_name_or_path,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: config.init_lora_weights ?? true,
    lora_alpha: config.lora_alpha,
    lora_dropout: config.lora_dropout,
    modules_to_save: null,
    peft_type: 'LORA',
    r: config.r,
    ...(isGiven(config.rank_pattern) ? { rank_pattern: config.rank_pattern } : {}),
    revision: config.revision ?? null,
    target_modules: config.target_modules,
    task_type: 'CAUSAL_LM',
    ...(config.use_dora ? { use_dora: true } : {}),
    ...(config.use_rslora ? { use_rslora: true } : {}),
  };
  return `${JSON.stringify(keys, null, 2)}\n`;
}

/** target_modules is undefined where only the tensors tell it: a pattern, or a choice among the layers. */
export type ReadAdapterConfig = Omit<AdapterConfig, 'target_modules'> & { target_modules: string[] | undefined };

/** @throws UserError "adapter-config-invalid" or "adapter-unsupported", which names the key */
export function readAdapterConfig(path: string): ReadAdapterConfig {
  const raw = readJsonObject(path, 'adapter-config-invalid');
  refuseModulesToSave(path, raw.modules_to_save);
  for (const [key, isNeutral] of Object.entries(neutral)) {
    const value = raw[key];
    if (value !== undefined && value !== null && !isNeutral(value))
      throw new UserError({
        code: 'adapter-unsupported',
        message: `${path} says ${key}: ${shortJson(value)}, which this version cannot train or apply.`,
        fix: 'Use an adapter of plain LoRA on linear layers, or merge this one into its model first (PEFT: merge_and_unload, then save_pretrained).',
      });
  }
  const invalid = (key: string, wanted: string): UserError =>
    new UserError({
      code: 'adapter-config-invalid',
      message: `${path}: ${key} is ${shortJson(raw[key])}, expected ${wanted}.`,
      fix: 'Correct the value, or save the adapter anew.',
    });
  const { r, lora_alpha: alpha, lora_dropout: dropout = 0, target_modules: targets } = raw;
  if (raw.peft_type === undefined) throw invalid('peft_type', '"LORA"');
  if (typeof r !== 'number' || !Number.isSafeInteger(r) || r < 1) throw invalid('r', 'a whole number from 1');
  if (typeof alpha !== 'number' || !Number.isFinite(alpha)) throw invalid('lora_alpha', 'a number');
  if (typeof dropout !== 'number' || !(dropout >= 0 && dropout < 1))
    throw invalid('lora_dropout', 'a number from 0 to below 1');
  const listed = Array.isArray(targets) ? targets.filter((name) => typeof name === 'string') : undefined;
  const isPartial = [raw.layers_to_transform, raw.exclude_modules].some(
    (value) => value !== undefined && value !== null,
  );
  const pattern = (key: 'rank_pattern' | 'alpha_pattern', isValue: (x: number) => boolean, wanted: string) => {
    const value = raw[key] ?? {};
    const isRight = (x: unknown): x is number => typeof x === 'number' && isValue(x);
    if (typeof value !== 'object' || Array.isArray(value) || !Object.values(value).every(isRight))
      throw invalid(key, `{"layer": ${wanted}, …}`);
    return Object.keys(value).length > 0 ? { [key]: value as LoraPattern } : {};
  };
  return {
    r,
    lora_alpha: alpha,
    lora_dropout: dropout,
    target_modules: isPartial ? undefined : listed,
    use_rslora: raw.use_rslora === true,
    ...pattern('rank_pattern', (x) => Number.isSafeInteger(x) && x >= 1, 'a whole number from 1'),
    ...pattern('alpha_pattern', Number.isFinite, 'a number'),
    ...(raw.use_dora === true ? { use_dora: true } : {}),
    ...(raw.init_lora_weights === 'gaussian' ? { init_lora_weights: 'gaussian' } : {}),
    base_model_name_or_path: typeof raw.base_model_name_or_path === 'string' ? raw.base_model_name_or_path : null,
    revision: typeof raw.revision === 'string' ? raw.revision : null,
  };
}

/** Copies of whole layers are a third way of training: they need memory, disk and readers of their own. */
function refuseModulesToSave(path: string, value: unknown): void {
  if (value === undefined || value === null || isEmpty(value)) return;
  throw new UserError({
    code: 'adapter-unsupported',
    message: `${path} says modules_to_save: ${shortJson(value)}. Such an adapter carries whole trained layers; this version cannot apply them, and vLLM refuses to load them.`,
    fix: 'Train one without modules_to_save: raise lora_r, or adapt more layers with lora_target_modules: all-linear. Or merge this one into its model first (PEFT: merge_and_unload, then save_pretrained).',
  });
}

const isFalse = (value: unknown): boolean => value === false;
const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/**
 * Keys that change what the adapter computes, with the values at which they do not. Starting values such as PiSSA
 * count: their adapters fit a changed copy of the base model. Other keys steer PEFT's own training only.
 */
const neutral: Record<string, (value: unknown) => boolean> = {
  peft_type: (value) => value === 'LORA',
  task_type: (value) => value === 'CAUSAL_LM',
  bias: (value) => value === 'none',
  lora_bias: isFalse,
  fan_in_fan_out: isFalse,
  use_dora: (value) => typeof value === 'boolean',
  use_qalora: isFalse,
  layer_replication: isEmpty,
  target_parameters: isEmpty,
  trainable_token_indices: isEmpty,
  alora_invocation_tokens: isEmpty,
  enable_lora: isEmpty,
  arrow_config: isEmpty,
  use_bdlora: isFalse,
  init_lora_weights: (value) => typeof value === 'boolean' || value === 'gaussian' || value === 'eva',
};

function shortJson(value: unknown): string {
  const text = value === undefined ? 'missing' : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
