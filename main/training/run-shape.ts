// From a recipe to the sizes that its memory and time follow from, before anything is loaded: the graphs' settings, and
// the largest batch that its data may bring.
import type { RowSizes } from '../data/row-sizes.ts';
import type { DType } from '../engine/graph/tensor.ts';
import { hasOwnMemory } from '../engine/runtime/device-name.ts';
import type { Model } from '../engine/models/model.ts';
import type { StoredWeight } from '../engine/nn/weights.ts';
import { memoryOf } from '../recipe/memory.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { fourBitSettings } from './four-bit.ts';
import { loraStart } from './lora-start.ts';
import { objectiveOf } from './methods/objectives.ts';
import {
  type BatchShape,
  hasEvaluationRows,
  labelsToCutFor,
  largestBatch,
  longestRow,
  rowsWithoutGradients,
} from './largest-batch.ts';
import { isPlainAdamW } from './optimizer.ts';
import { autocastOf, choosePrecision, precisionDevice, type TriedFormats } from './precision.ts';
import type { RunShape } from './step-memory.ts';
import { stepSettings } from './step-settings.ts';

export type RunFacts = {
  model: Model;
  /** How a tensor of the checkpoint is stored. */
  dtypeOf: (name: string) => DType;
  /** Where it would run, as the runtime calls it. */
  device: string;
  /** What its trial has shown of 16-bit formats, where there was one. */
  formats?: TriedFormats | undefined;
  /** Of the tokenizer's file. */
  tokenizerBytes: number;
  /** Of the data; null where nothing is known of it. */
  sizes: RowSizes | null;
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
  const { model, tokenizerBytes, sizes } = facts;
  const longest = longestRow(recipe, model.maxPositions, sizes);
  const batchOf = (rows: number): BatchShape => largestBatch(recipe, rows, longest, sizes);
  const evaluationRows = rowsWithoutGradients(recipe);
  const { precision } = choosePrecision(recipe, precisionDevice(facts.device, facts.formats));
  return {
    model,
    step: stepSettings(recipe, {
      model,
      stored: storedWeights(recipe, facts),
      lora: loraStart(recipe, model, () => new Float32Array()).settings,
      objective: objectiveOf(recipe),
      longest,
      labelsOfBatch: (rows) => labelsToCutFor(recipe, rows, longest, sizes),
      evaluation: hasEvaluationRows(recipe) ? {} : undefined,
      hasOwnMemory: hasOwnMemory(facts.device),
      autocast: autocastOf(precision, facts.device),
    }),
    memory: memoryOf(recipe),
    batch: batchOf(recipe.per_device_train_batch_size),
    evaluationBatch: evaluationRows > 0 ? batchOf(evaluationRows) : undefined,
    device: facts.device,
    stateBytes: optimizerBytes[recipe.optim],
    isPlainAdamW: isPlainAdamW(recipe.optim),
    microBatches: recipe.gradient_accumulation_steps,
    tokenizerBytes,
    dataBytes: BYTES_PER_ROW * (sizes?.rows ?? 0),
    sampledTokens: recipe.sample_prompts === undefined ? 0 : USUAL_PROMPT + recipe.sample_max_new_tokens,
  };
}

/** Of what stays in memory of rows on disk: where they lie and how long they are. */
const BYTES_PER_ROW = 60;
/** Tokens of a prompt of sample_prompts. */
const USUAL_PROMPT = 64;

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
