// From a recipe to the sizes that its memory and time follow from, before anything is loaded: the graphs' settings, and
// the largest batch that its data may bring.
import type { DType } from '../engine/graph/tensor.ts';
import type { Model } from '../engine/models/model.ts';
import type { StoredWeight } from '../engine/nn/weights.ts';
import { evaluates } from '../recipe/evaluation.ts';
import { memoryOf } from '../recipe/memory.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { fourBitSettings } from './four-bit.ts';
import { loraStart } from './lora-start.ts';
import { objectiveOf } from './methods/objectives.ts';
import type { BatchShape, RunShape } from './step-memory.ts';
import { stepSettings } from './step-settings.ts';

export type RunFacts = {
  model: Model;
  /** How a tensor of the checkpoint is stored. */
  dtypeOf: (name: string) => DType;
  /** Of the tokenizer's file. */
  tokenizerBytes: number;
  /** Tokens of the longest row; of pairs, of the longer answer with its prompt. */
  longest: number;
  /** Tokens that the answers of a pair share, at least. */
  sharedTokens?: number;
};

/** Bytes of optimizer state for each trained parameter. */
export const optimizerBytes: Record<Recipe['optim'], number> = {
  adamw_torch: 8,
  adamw_8bit: 2.1,
  lion_32bit: 4,
  adafactor: 1,
  sgd: 0,
};

/** Throws UserError where the recipe's LoRA does not fit the model. */
export function runShape(recipe: Recipe, facts: RunFacts): RunShape {
  const { model, tokenizerBytes } = facts;
  const longest = Math.max(1, Math.min(facts.longest, recipe.max_length ?? model.maxPositions));
  const batchOf = (rows: number): BatchShape => batchShape(recipe, rows, longest, facts.sharedTokens ?? 0);
  const hasEvaluation =
    evaluates(recipe) && (recipe.eval_dataset_name !== undefined || recipe.test_split_size !== undefined);
  const evaluationRows =
    recipe.method === 'dpo'
      ? Math.max(
          recipe.precompute_ref_batch_size ?? recipe.per_device_eval_batch_size,
          hasEvaluation ? recipe.per_device_eval_batch_size : 0,
        )
      : hasEvaluation
        ? recipe.per_device_eval_batch_size
        : 0;
  return {
    model,
    step: stepSettings(recipe, {
      model,
      stored: storedWeights(recipe, facts),
      lora: loraStart(recipe, model, () => new Float32Array()).settings,
      objective: objectiveOf(recipe),
      longest,
      labelsOfBatch: (rows) => batchOf(rows).labels,
      evaluation: hasEvaluation ? {} : undefined,
    }),
    memory: memoryOf(recipe),
    batch: batchOf(recipe.per_device_train_batch_size),
    evaluationBatch: evaluationRows > 0 ? batchOf(evaluationRows) : undefined,
    stateBytes: optimizerBytes[recipe.optim],
    tokenizerBytes,
  };
}

/** All tokens are taken to have labels: how many have is known only when the data is read. */
function batchShape(recipe: Recipe, rows: number, longest: number, shared: number): BatchShape {
  if (recipe.method === 'sft') return { rows, length: longest, labels: rows * longest, pairs: 0 };
  const labels = 2 * rows * (longest - shared) + (recipe.method === 'orpo' ? rows * shared : 0);
  // Both answers stand in one row, behind their prompt.
  if (recipe.share_prefixes === 'auto') return { rows, length: 2 * longest - shared, labels, pairs: rows };
  return { rows: 2 * rows, length: longest, labels, pairs: rows };
}

/** Types and shapes of what the graph would read, at no place. */
function storedWeights(recipe: Recipe, { model, dtypeOf }: RunFacts): Map<string, StoredWeight> {
  const nowhere = { location: '', offset: 0, length: 0 };
  const fourBit = fourBitSettings(recipe);
  const rounded = new Set(fourBit ? model.linears.map((name) => `${name}.weight`) : []);
  return new Map(
    [...model.weightShapes].map(([name, shape]): [string, StoredWeight] => {
      if (!fourBit || !rounded.has(name)) return [name, { dtype: dtypeOf(name), shape, data: nowhere }];
      const nested = fourBit.nested ? { nested: { scales: nowhere, offset: nowhere, map: nowhere } } : {};
      return [name, { type: fourBit.type, shape, codes: nowhere, scales: nowhere, ...nested }];
    }),
  );
}
