// What runs would take of memory, in an errand's process: building their graphs takes longer than a window may wait. What
// is known of a graph is kept there for the next question, so that estimates follow what is typed.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { graphDTypes } from '../checkpoints/external-data.ts';
import { modelOutline } from '../checkpoints/model-outline.ts';
import { modelFor } from '../engine/models/registry.ts';
import type { RowSizes } from '../data/row-sizes.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { TriedFormats } from '../training/precision.ts';
import { runShape } from '../training/run-shape.ts';
import { type RunMemory, runMemory } from '../training/device-memory.ts';

export type MemoryQuestion = {
  /** Folder of the model, or a GGUF file. */
  model: string;
  /** Of the rows; null where nothing is known of them. */
  sizes: RowSizes | null;
  /** Where they would run, as the runtime calls it, and what its trial has shown of 16-bit formats. */
  device: string;
  formats: TriedFormats | undefined;
  /** The recipe, and others to compare it with. */
  recipes: Recipe[];
};

/** In place of one that is not there yet, such as a GGUF file's. */
const USUAL_TOKENIZER_BYTES = 4e6;

/** Throws UserError where the model cannot be read, or a recipe does not fit it. */
export function memoryOfRuns({ model: path, sizes, device, formats, recipes }: MemoryQuestion): RunMemory[] {
  const { config, weights } = modelOutline(path);
  const tokenizer = join(path, 'tokenizer.json');
  const facts = {
    model: modelFor(config),
    dtypeOf: (name: string) => graphDTypes[weights.get(name)?.dtype ?? 'F32'] ?? 'float32',
    tokenizerBytes: existsSync(tokenizer) ? statSync(tokenizer).size : USUAL_TOKENIZER_BYTES,
    sizes,
    device,
    formats,
  };
  return recipes.map((recipe) => {
    const shape = runShape(recipe, facts);
    const { queryBlocks, headChunks } = shape.step;
    return runMemory(shape, JSON.stringify([path, queryBlocks, headChunks, structureOf(recipe)]));
  });
}

/** What of a recipe its graphs may follow from: all but the keys that people try values of and that no graph knows. */
function structureOf(recipe: Recipe): Partial<Recipe> {
  return Object.fromEntries(Object.entries(recipe).filter(([key]) => !outsideOfGraphs.has(key)));
}

const outsideOfGraphs: ReadonlySet<string> = new Set([
  'dataset_name',
  'output_dir',
  'learning_rate',
  'num_train_epochs',
  'max_steps',
  'max_length',
  'per_device_train_batch_size',
  'per_device_eval_batch_size',
  'gradient_accumulation_steps',
  'optim',
  'weight_decay',
  'max_grad_norm',
  'lr_scheduler_type',
  'warmup_ratio',
  'warmup_steps',
  'seed',
  'logging_steps',
  'save_steps',
  'eval_steps',
  'sample_prompts',
]);
