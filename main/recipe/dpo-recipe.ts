// Direct preference optimisation: the keys of `trl dpo` beside the shared ones, and what they must agree on.
import { z } from 'zod';
import { dpoLossTypes, type DpoLossType, fDivergenceLossTypes } from '../engine/losses/dpo.ts';
import { fDivergenceTypes } from '../engine/losses/f-divergence.ts';
import { choice, choices, flag, number, numbers, wholeNumber } from './fields.ts';
import type { CheckContext, MethodDefinition } from './method.ts';
import {
  checkDropout,
  dropoutKeys,
  NEFTUNE_REFUSED,
  PREFERENCE_METRICS,
  preferenceLearningRate,
} from './preference-keys.ts';
import { badValue, conflict } from './problems.ts';
import { checkShared } from './shared-checks.ts';
import { dataKeys, loggingKeys, modelKeys, SHARED_CARD_KEYS, SHARED_OWN_KEYS, trainingKeys } from './shared-keys.ts';

const shape = {
  ...modelKeys,
  ...dataKeys,
  /** One or several, summed with loss_weights. */
  loss_type: choices(dpoLossTypes).default(['sigmoid']),
  /** Unset: 1 each. */
  loss_weights: numbers({ from: 0, example: '[1.0, 0.2]' }).optional(),
  /** How strongly the model is held to the reference. */
  beta: number({ from: 0, example: '0.1' }).default(0.1),
  /** robust: the share of flipped preferences; exo_pair, aot and aot_unpaired: weight of the other order. */
  label_smoothing: number({ from: 0, below: 1, example: '0.1' }).default(0),
  /** f-DPO, arXiv:2309.16240. */
  f_divergence_type: choice(fDivergenceTypes).default('reverse_kl'),
  f_alpha_divergence_coef: number({ example: '0.5' }).default(0.5),
  /** Weight of the tokens beyond the length that both answers share (LD-DPO, arXiv:2409.06411); unset: 1. */
  ld_alpha: number({ from: 0, upTo: 1, example: '0.5' }).optional(),
  /** DiscoPOP, arXiv:2406.08414. */
  discopop_tau: number({ above: 0, example: '0.05' }).default(0.05),
  /** WPO, arXiv:2406.11827: pairs weigh as likely as the model itself would give their answers. */
  use_weighting: flag().default(false),
  ...dropoutKeys,
  /** Unset: the batch sizes of training and evaluation. */
  precompute_ref_batch_size: wholeNumber({ from: 1, example: '8' }).optional(),
  ...trainingKeys,
  ...preferenceLearningRate,
  ...loggingKeys,
};

const schema = z.object({ method: z.literal('dpo'), ...shape });

/** A checked DPO recipe: every default filled in. */
export type DpoRecipe = z.infer<typeof schema>;

/** Losses that divide by beta. */
const DIVIDE_BY_BETA: readonly DpoLossType[] = ['ipo', 'sppo_hard'];
const USE_SMOOTHING: readonly DpoLossType[] = ['robust', 'exo_pair', 'aot', 'aot_unpaired'];
const SORT_THE_BATCH: readonly DpoLossType[] = ['aot', 'aot_unpaired'];
function checkLosses(recipe: DpoRecipe, { isSet, note }: CheckContext): void {
  const { loss_type: losses, loss_weights: weights, beta, label_smoothing: smoothing } = recipe;
  const find = (...names: readonly DpoLossType[]): DpoLossType | undefined =>
    losses.find((loss) => names.includes(loss));
  if (weights !== undefined && weights.length !== losses.length) {
    throw conflict(
      `loss_weights has ${weights.length} ${weights.length === 1 ? 'weight' : 'weights'} (${weights.join(', ')}) for the ${losses.length} of loss_type (${losses.join(', ')}).`,
      'Give loss_weights one number for each loss, in the same order, or remove it to weigh all the same.',
    );
  }
  if (weights?.every((weight) => weight === 0) === true) {
    throw conflict(
      `loss_weights is ${weights.join(', ')}, so nothing would be learned.`,
      'Give some loss a weight above 0.',
    );
  }
  if (beta === 0) {
    const divides = find(...DIVIDE_BY_BETA);
    const other = losses.find((loss) => loss !== 'sft');
    if (divides !== undefined) throw badBeta(`above 0 for loss_type: ${divides}, which divides by it`);
    if (other !== undefined)
      throw badBeta(`above 0 for loss_type: ${other}, which does not depend on the model without it`);
  }
  if (find('robust') !== undefined && smoothing >= 0.5) {
    throw badValue(
      'label_smoothing',
      smoothing,
      'at least 0 and below 0.5 for loss_type: robust, where it is the share of flipped preferences',
      '0.1',
    );
  }
  if (find('exo_pair') !== undefined && smoothing === 0) {
    throw badValue(
      'label_smoothing',
      smoothing,
      'above 0 and below 1 for loss_type: exo_pair, which takes its logarithm',
      '1e-3',
    );
  }
  const undivided = losses.find((loss) => !fDivergenceLossTypes.includes(loss));
  if (recipe.f_divergence_type !== 'reverse_kl' && undivided !== undefined) {
    throw badValue(
      'f_divergence_type',
      recipe.f_divergence_type,
      `reverse_kl for loss_type: ${undivided}; others go with ${fDivergenceLossTypes.join(', ')}`,
      'reverse_kl',
    );
  }
  const sorts = find(...SORT_THE_BATCH);
  if (recipe.use_weighting && sorts !== undefined) {
    throw conflict(
      `use_weighting: true weighs each pair, but loss_type: ${sorts} sorts the answers of a batch, so that its terms belong to no pair.`,
      `Remove use_weighting, or ${sorts} from loss_type.`,
    );
  }
  if (sorts !== undefined && recipe.per_device_train_batch_size === 1) {
    note(
      `loss_type: ${sorts} compares the pairs of a batch, and per_device_train_batch_size is 1; with one pair it is the same as sigmoid.`,
    );
  }
  if (smoothing > 0 && find(...USE_SMOOTHING) === undefined) {
    note(`label_smoothing: only matters with loss_type ${USE_SMOOTHING.join(', ')}.`);
  }
  if (isSet('f_alpha_divergence_coef') && recipe.f_divergence_type !== 'alpha_divergence') {
    note('f_alpha_divergence_coef: only matters with f_divergence_type: alpha_divergence.');
  }
  if (isSet('discopop_tau') && find('discopop') === undefined) {
    note('discopop_tau: only matters with loss_type: discopop.');
  }
}

const badBeta = (allowed: string) => badValue('beta', 0, allowed, '0.1');

function check(recipe: DpoRecipe, context: CheckContext): void {
  checkShared(recipe, dpo.evalMetrics, context);
  checkLosses(recipe, context);
  checkDropout(recipe, 'DPO', context);
}

const removed = (instead: string): string => `is not a key of trl dpo any more; ${instead}`;
const cutByLength = removed('max_length limits prompt and answer together');

export const dpo: MethodDefinition<DpoRecipe> = {
  title: 'Direct preference optimization (DPO)',
  purpose: 'fine-tune a model on pairs of a better and a worse answer',
  trlName: 'trl dpo',
  shape,
  schema,
  ownKeys: [...SHARED_OWN_KEYS, 'eos_token'],
  noted: {
    padding_free: 'pairs of a batch fill its padding here anyway, without seeing each other.',
    precompute_ref_log_probs: 'the log-probabilities of the reference are always computed once and kept.',
    ref_model_mixup_alpha: 'only matters with sync_ref_model.',
    ref_model_sync_steps: 'only matters with sync_ref_model.',
  },
  refused: {
    sync_ref_model: {
      neutral: [false],
      reason:
        'asks to move the reference along, but with LoRA the reference is the model without the adapter (trl dpo refuses it with PEFT as well)',
      fix: 'Remove sync_ref_model.',
    },
    neftune_noise_alpha: NEFTUNE_REFUSED,
  },
  removed: {
    max_prompt_length: cutByLength,
    max_completion_length: cutByLength,
    max_target_length: cutByLength,
    reference_free: removed('every loss compares with the reference'),
    rpo_alpha: removed('write loss_type: [sigmoid, sft] and loss_weights: [1.0, ALPHA]'),
    generate_during_eval: removed('sample_prompts shows answers during training'),
    model_adapter_name: removed(
      'the reference is the model without the adapter, or the adapter as it was at the start',
    ),
    ref_adapter_name: removed('the reference is the model without the adapter, or the adapter as it was at the start'),
    force_use_ref_model: removed(
      'the reference is the model without the adapter, or the adapter as it was at the start',
    ),
    ref_model_init_kwargs: removed('the reference is the same model'),
    base_model_attribute_name: removed('it steered PyTorch only'),
    use_logits_to_keep: removed('it steered PyTorch only'),
    label_pad_token_id: removed('padding is masked by length'),
    padding_value: removed('padding is masked by length'),
    is_encoder_decoder: removed('models that only decode are trained'),
    use_num_logits_to_keep: removed('it steered PyTorch only'),
    tools: removed('rows hold their own tools'),
  },
  translate() {
    // Nothing is worded differently.
  },
  evalMetrics: PREFERENCE_METRICS,
  cardKeys: [
    'beta',
    'loss_type',
    'loss_weights',
    'label_smoothing',
    'ld_alpha',
    'f_divergence_type',
    'use_weighting',
    ...SHARED_CARD_KEYS,
  ],
  check,
};
