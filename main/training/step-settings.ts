// What a training graph is built with, from a recipe and what is known of its model and data. The run and the estimate
// of its memory build the same graph.
import type { AutocastSettings } from '../engine/graph/autocast.ts';
import type { Objective } from '../engine/losses/objective.ts';
import type { Model } from '../engine/models/model.ts';
import type { LoraSettings } from '../engine/nn/lora.ts';
import type { StoredWeight } from '../engine/nn/weights.ts';
import { memoryOf } from '../recipe/memory.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { StepSettings } from './build-step.ts';
import { headChunks, queryBlocks } from './step-cuts.ts';

export type StepFacts = {
  model: Pick<Model, 'vocabSize'>;
  stored: ReadonlyMap<string, StoredWeight>;
  lora: LoraSettings;
  objective: Objective;
  /** Positions that the longest row takes. */
  longest: number;
  /** Labels that a batch of so many rows may have. */
  labelsOfBatch: (rows: number) => number;
  /** Rows to evaluate on, where there are any. */
  evaluation: object | undefined;
  /** The device has a memory of its own. */
  hasOwnMemory?: boolean;
  /** How products are computed in 16 bits, where they are. */
  autocast?: AutocastSettings | undefined;
};

export function stepSettings(recipe: Recipe, facts: StepFacts): StepSettings {
  const { model, stored, lora, objective, longest } = facts;
  const memory = memoryOf(recipe);
  const dropout = recipe.method !== 'sft' && recipe.disable_dropout ? 0 : lora.dropout;
  return {
    trained: { kind: 'lora', lora: { ...lora, dropout }, stored },
    objective,
    recompute: recipe.gradient_checkpointing,
    recomputeCheap: memory === 'lean' && !recipe.gradient_checkpointing,
    headChunks: headChunks({
      rows: facts.labelsOfBatch(largestBatch(recipe, facts.evaluation !== undefined)),
      vocabSize: model.vocabSize,
      // The host shares a decoded head among its parts; a device decodes it anew for each.
      memory: facts.hasOwnMemory === true ? 'fast' : memory,
    }),
    neftuneAlpha: recipe.method === 'sft' ? (recipe.neftune_noise_alpha ?? 0) : 0,
    queryBlocks: queryBlocks(longest, memory),
    maxPositions: longest,
    autocast: facts.autocast,
  };
}

/** Rows of the largest batch that the graphs will be given. */
function largestBatch(recipe: Recipe, evaluates: boolean): number {
  return Math.max(
    recipe.per_device_train_batch_size,
    evaluates ? recipe.per_device_eval_batch_size : 0,
    recipe.method === 'dpo' ? (recipe.precompute_ref_batch_size ?? recipe.per_device_eval_batch_size) : 0,
  );
}
