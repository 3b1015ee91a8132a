// What several keys of a recipe must agree on: each refusal names key, value, range and fix; each note names its key.
import { expect, test } from 'vitest';
import { UserError } from '../../main/errors.ts';
import { bestMetric, evaluates, seeksBest } from '../../main/recipe/evaluation.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import type { Method } from '../../main/recipe/recipe.ts';

type Keys = Record<string, unknown>;

const base = { model_name_or_path: 'm', dataset_name: 'd.jsonl', use_peft: true };
const evaluated = { test_split_size: 0.1, eval_strategy: 'steps' };

function outcome(method: Method, keys: Keys): UserError | string[] {
  try {
    return parseRecipe<Method>(method, { ...base, ...keys }).notes;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

test.each<[Method, Keys, RegExp, RegExp]>([
  ['sft', { bf16: true, fp16: 'true' }, /both bf16 and fp16/, /bf16: true/],
  ['sft', { packing: true, max_length: null }, /packing is true and max_length is null/, /max_length: 1024/],
  ['sft', { eval_packing: true, max_length: null }, /eval_packing is true and max_length is null/, /max_length/],
  ['sft', { assistant_only_loss: true, completion_only_loss: false }, /assistant_only_loss is true/, /Remove/],
  [
    'sft',
    { adapter_name_or_path: 'a', init_lora_weights: 'pissa' },
    /adapter_name_or_path and init_lora_weights/,
    /Remove/,
  ],
  [
    'sft',
    { adapter_name_or_path: 'a', rank_pattern: { q_proj: 4 } },
    /adapter_name_or_path and rank_pattern/,
    /Remove/,
  ],
  [
    'sft',
    { rank_pattern: { 'layers.(0': 4 } },
    /rank_pattern is .*layers\.\(0 is neither/,
    /rank_pattern: \{q_proj: 8\}/,
  ],
  ['sft', { adapter_name_or_path: 'a', use_dora: true }, /adapter_name_or_path and use_dora/, /Remove use_dora/],
  ['sft', { load_in_4bit: true, init_lora_weights: 'pissa_niter_4' }, /load_in_4bit and init_lora_weights/, /Remove/],
  ['sft', { load_in_4bit: true, use_peft: false }, /cannot be trained themselves/, /use_peft/],
  [
    'dpo',
    { load_in_4bit: true, use_int4_blocks: true, use_bnb_nested_quant: true },
    /use_int4_blocks and use_bnb_nested_quant/,
    /as bitsandbytes does/,
  ],
  ['sft', { early_stopping_patience: 3 }, /early_stopping_patience: 3 .*eval_strategy is no/, /eval_strategy to steps/],
  [
    'sft',
    { load_best_model_at_end: true, eval_on_start: true, test_split_size: 5 },
    /load_best_model_at_end: true/,
    /epoch/,
  ],
  ['sft', { save_strategy: 'best' }, /save_strategy: best compares evaluations/, /test_split_size/],
  [
    'sft',
    { ...evaluated, load_best_model_at_end: true, metric_for_best_model: 'eval_rewards/margins' },
    /metric_for_best_model is eval_rewards\/margins; it must be one of loss, mean_token_accuracy/,
    /metric_for_best_model: loss/,
  ],
  ['dpo', { beta: 0 }, /beta is 0; it must be above 0 for loss_type: sigmoid, which does not depend/, /beta: 0.1/],
  ['dpo', { beta: 0, loss_type: ['sft', 'ipo'] }, /above 0 for loss_type: ipo, which divides by it/, /beta: 0.1/],
  [
    'dpo',
    { loss_type: 'robust', label_smoothing: 0.5 },
    /label_smoothing is 0.5; .*below 0.5 for loss_type: robust/,
    /0.1/,
  ],
  [
    'dpo',
    { loss_type: ['sigmoid', 'exo_pair'] },
    /label_smoothing is 0; .*above 0 .*exo_pair/,
    /label_smoothing: 1e-3/,
  ],
  [
    'dpo',
    { loss_type: ['sigmoid', 'sft'], loss_weights: [1] },
    /loss_weights has 1 weight \(1\) for the 2/,
    /one number for each/,
  ],
  [
    'dpo',
    { use_weighting: true, loss_type: ['sigmoid', 'aot_unpaired'] },
    /use_weighting: true weighs each pair, but loss_type: aot_unpaired sorts/,
    /aot_unpaired from loss_type/,
  ],
  ['dpo', { loss_weights: [0] }, /loss_weights is 0, so nothing would be learned/, /above 0/],
  [
    'dpo',
    { loss_type: 'apo_zero', f_divergence_type: 'js_divergence' },
    /f_divergence_type is js_divergence; it must be reverse_kl for loss_type: apo_zero/,
    /reverse_kl/,
  ],
])('%s: %j is refused', (method, keys, message, fix) => {
  const error = outcome(method, keys);
  if (!(error instanceof UserError)) throw new Error(`was accepted: ${JSON.stringify(keys)}`);
  expect(['recipe-conflict', 'recipe-value']).toContain(error.code);
  expect(error.message).toMatch(message);
  expect(error.fix).toMatch(fix);
});

test.each<[Method, Keys]>([
  ['sft', { bf16: true, fp16: false }],
  ['sft', { packing: true, packing_strategy: 'wrapped' }],
  ['sft', { init_lora_weights: 'pissa_niter_16' }],
  ['sft', { use_dora: true, init_lora_weights: 'pissa' }],
  ['sft', { ...evaluated, early_stopping_patience: 3, early_stopping_threshold: 0.1 }],
  // transformers refuses intervals that do not meet; here the best evaluation itself is saved.
  ['sft', { ...evaluated, eval_steps: 7, save_steps: 10, load_best_model_at_end: true }],
  [
    'sft',
    { ...evaluated, save_strategy: 'no', load_best_model_at_end: true, metric_for_best_model: 'mean_token_accuracy' },
  ],
  ['dpo', { beta: 0, loss_type: 'sft' }],
  ['dpo', { loss_type: 'robust', label_smoothing: 0.49 }],
  ['dpo', { loss_type: ['ipo', 'sft'], use_weighting: true }],
  ['orpo', { beta: 0, ...evaluated, load_best_model_at_end: true, metric_for_best_model: 'log_odds_ratio' }],
  ['simpo', { loss_type: 'simpo', label_smoothing: 0.5, cpo_alpha: 0 }],
  ['dpo', { loss_type: 'exo_pair', label_smoothing: 1e-3 }],
  ['dpo', { loss_type: ['sigmoid', 'bco_pair', 'sft'], loss_weights: [0.8, 0.2, 1] }],
  ['dpo', { ...evaluated, load_best_model_at_end: true, metric_for_best_model: 'eval_rewards/margins' }],
  ['dpo', { f_divergence_type: 'alpha_divergence', f_alpha_divergence_coef: 0.3, loss_type: ['ipo', 'sft'] }],
])('%s: %j goes together', (method, keys) => {
  expect(outcome(method, keys)).toEqual([]);
});

test.each<[Method, Keys, RegExp]>([
  ['sft', { packing_strategy: 'wrapped' }, /^packing_strategy: only matters with packing/],
  ['sft', { sample_steps: 50 }, /^sample_steps: only matters with sample_prompts/],
  ['sft', { eval_delay: 2 }, /^eval_delay: only matters with eval_strategy/],
  ['sft', { ...evaluated, metric_for_best_model: 'loss' }, /^metric_for_best_model: only matters with load_best/],
  ['sft', { early_stopping_threshold: 0.1 }, /^early_stopping_threshold: only matters with early_stopping_patience/],
  ['sft', { logging_dir: 'logs', report_to: 'mlflow' }, /^logging_dir: only matters with report_to: tensorboard/],
  ['sft', { padding_free: true }, /^padding_free: /],
  ['dpo', { loss_type: 'aot', per_device_train_batch_size: 1 }, /aot compares the pairs of a batch/],
  ['dpo', { label_smoothing: 0.1 }, /^label_smoothing: only matters with loss_type robust/],
  ['dpo', { discopop_tau: 0.1 }, /^discopop_tau: only matters/],
  ['dpo', { f_alpha_divergence_coef: 0.1 }, /^f_alpha_divergence_coef: only matters/],
  ['dpo', { lora_dropout: 0.1 }, /^lora_dropout: has no effect/],
  ['orpo', { lora_dropout: 0.1 }, /^lora_dropout: has no effect, because ORPO/],
  ['simpo', { lora_dropout: 0.1 }, /^lora_dropout: has no effect, because SimPO/],
])('%s: %j is noted', (method, keys, note) => {
  expect(outcome(method, keys)).toEqual([expect.stringMatching(note)]);
});

// transformers: TrainingArguments.__post_init__ and Trainer._determine_best_metric.
test('the best evaluation is the one with the lowest loss, or the highest of anything else', () => {
  expect(bestMetric({})).toEqual({ metric: 'eval_loss', greaterIsBetter: false });
  expect(bestMetric({ metric_for_best_model: 'eval_rewards/margins' })).toEqual({
    metric: 'eval_rewards/margins',
    greaterIsBetter: true,
  });
  expect(bestMetric({ metric_for_best_model: 'loss', greater_is_better: true }).greaterIsBetter).toBe(true);
  expect(evaluates({ eval_strategy: 'no', eval_on_start: true })).toBe(true);
  expect(seeksBest({ save_strategy: 'steps', load_best_model_at_end: false })).toBe(false);
  expect(seeksBest({ save_strategy: 'no', load_best_model_at_end: false, early_stopping_patience: 1 })).toBe(true);
});
