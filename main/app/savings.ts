// What would lower the memory of a run, the cheapest first: changes of its recipe, each with what it costs.
import type { Recipe } from '../recipe/recipe.ts';

export type Idea = {
  /** "Recompute activations" */
  text: string;
  /** What it costs beside time. */
  price: string;
  changes: Partial<Recipe>;
};

export function waysToNeedLess(recipe: Recipe): Idea[] {
  const { per_device_train_batch_size: batch, gradient_accumulation_steps: accumulation, max_length: length } = recipe;
  const half = Math.ceil(batch / 2);
  const ideas: (Idea | false)[] = [
    batch > 1 && {
      text: `Batches of ${half} instead of ${batch}, ${batch === 2 * half ? 'twice as many' : 'more of them'} a step`,
      price: batch === 2 * half ? 'the same mathematics' : 'a step has a few rows more or fewer',
      changes: {
        per_device_train_batch_size: half,
        gradient_accumulation_steps: Math.round((accumulation * batch) / half),
      },
    },
    !recipe.gradient_checkpointing && {
      text: 'Recompute activations',
      price: 'the same mathematics',
      changes: { gradient_checkpointing: true },
    },
    !recipe.load_in_4bit &&
      !String(recipe.init_lora_weights).startsWith('pissa') && {
        text: 'Round the model to 4 bits (QLoRA)',
        price: 'the adapter learns on slightly different weights; made once, kept in the cache',
        changes: { load_in_4bit: true },
      },
    recipe.optim === 'adamw_torch' && {
      text: 'Keep the optimizer in 8 bit',
      price: 'its numbers are rounded',
      changes: { optim: 'adamw_8bit' },
    },
    length !== null &&
      length > 256 && {
        text: `Rows of at most ${Math.floor(length / 2)} tokens`,
        price: 'longer rows are cut',
        changes: { max_length: Math.floor(length / 2) },
      },
    !recipe.load_in_4bit &&
      !recipe.gradient_checkpointing &&
      !String(recipe.init_lora_weights).startsWith('pissa') && {
        text: 'Round to 4 bits and recompute, one row at a time',
        price: 'all of it together',
        changes: {
          load_in_4bit: true,
          gradient_checkpointing: true,
          per_device_train_batch_size: 1,
          gradient_accumulation_steps: accumulation * batch,
        },
      },
  ];
  return ideas.filter((idea) => idea !== false);
}
