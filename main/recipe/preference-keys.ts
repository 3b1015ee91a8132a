// What the recipes of methods on pairs of answers have in common, and what those without a reference have beside it.
import { flag, number } from './fields.ts';
import type { CheckContext, MethodDefinition } from './method.ts';
import { SHARED_OWN_KEYS, type SharedRecipe } from './shared-keys.ts';

/** TRL's default of every such trainer, made for training all weights. */
export const preferenceLearningRate = {
  learning_rate: number({ above: 0, upTo: 10, example: '1e-6' }).default(1e-6),
};

export const dropoutKeys = {
  /** false lets lora_dropout count. */
  disable_dropout: flag().default(true),
};

export function checkDropout(
  recipe: SharedRecipe & { disable_dropout: boolean },
  method: string,
  { isSet, note }: CheckContext,
): void {
  if (recipe.disable_dropout && isSet('lora_dropout') && recipe.lora_dropout > 0)
    note(`lora_dropout: has no effect, because ${method} trains without dropout unless disable_dropout is false.`);
}

export const NEFTUNE_REFUSED = {
  neutral: [0],
  reason: 'asks for noise on the embeddings, which is only here for sft',
  fix: 'Remove neftune_noise_alpha.',
};

/** Of an evaluation. */
export const PREFERENCE_METRICS = [
  'loss',
  'rewards/chosen',
  'rewards/rejected',
  'rewards/margins',
  'rewards/accuracies',
  'logps/chosen',
  'logps/rejected',
  'logits/chosen',
  'logits/rejected',
  'mean_token_accuracy',
];

const forEncoders = 'only matters for models with an encoder, which are not trained here.';

/** The other keys of TRL's ORPOConfig and CPOConfig. */
export const WITHOUT_REFERENCE = {
  ownKeys: [...SHARED_OWN_KEYS, 'eos_token', 'truncation_mode'],
  noted: {
    max_completion_length: forEncoders,
    padding_value: 'padding is masked by length here, so the token used for it does not matter.',
    generate_during_eval: 'sample_prompts shows answers during training.',
  },
  refused: {
    is_encoder_decoder: {
      neutral: [false],
      reason: 'asks for a model with an encoder, and models that only decode are trained here',
      fix: 'Remove is_encoder_decoder.',
    },
    neftune_noise_alpha: NEFTUNE_REFUSED,
  },
  removed: {
    max_prompt_length: "is not a key of TRL's trainer any more; max_length limits prompt and answer together",
    label_pad_token_id: "is not a key of TRL's trainer any more; padding is masked by length",
  },
} satisfies Partial<MethodDefinition<SharedRecipe>>;
