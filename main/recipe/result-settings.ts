// Which keys of a recipe decide the numbers of its result, as a model card tells them. Where files lie is nobody's
// business.
import type { SftKey, SftRecipe } from './sft-recipe.ts';

const TOLD = [
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
] as const satisfies readonly SftKey[];

/** What an adapter's own config says; it counts where a run continued an adapter. */
type AdapterFacts = { r: number; lora_alpha: number; lora_dropout: number; use_rslora: boolean };

/** Key -> value, in the order in which a card shows them. */
export function resultSettings(
  recipe: SftRecipe,
  { r, lora_alpha, lora_dropout, use_rslora }: AdapterFacts,
): Record<string, string | number | boolean | null> {
  const told = Object.fromEntries(TOLD.map((key) => [key, recipe[key]]));
  return { ...told, lora_r: r, lora_alpha, lora_dropout, use_rslora };
}
