// What the run of a recipe would take of this machine: memory, time, disk, and what would lower the memory.
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import type { Estimate } from '../../preload/contract.ts';
import { freeDiskSpace } from '../checkpoints/disk-space.ts';
import { modelOutline } from '../checkpoints/model-outline.ts';
import { modelFor } from '../engine/models/registry.ts';
import { fourBitBlock, nestedBlock } from '../engine/nn/four-bit.ts';
import { checkKeys } from '../recipe/check-keys.ts';
import { memoryOf } from '../recipe/memory.ts';
import type { Method, Recipe } from '../recipe/recipe.ts';
import { fourBitSettings } from '../training/four-bit.ts';
import {
  adapterParameters,
  stepMemory,
  stepOperations,
  type StepMemory,
  type StepShape,
} from '../training/step-cost.ts';
import type { App } from './app.ts';
import { foldersToAsk } from './chain-runs.ts';
import { cachedFolder } from './hub-folder.ts';
import { machineSpeed } from './machine-speed.ts';

/** What a step reaches of the speed of bare products, on the processors that were measured. */
const SHARE_OF_PEAK = 0.5;

const OPTIMIZER_BYTES: Record<Recipe['optim'], number> = {
  adamw_torch: 8,
  adamw_8bit: 2.1,
  lion_32bit: 4,
  adafactor: 1,
  sgd: 0,
};

type RowTokens = { mean: number; longest: number };
type Request = {
  method: Method;
  values: Record<string, unknown>;
  rows: number | null;
  /** Null: all are taken to be as long as max_length. */
  rowTokens: RowTokens | null;
};

/** Throws UserError where recipe or model cannot be read. */
export async function estimateRun(app: App, { method, values, rows, rowTokens }: Request): Promise<Estimate> {
  // What the estimate does not need may still be missing.
  const { problems, recipe } = checkKeys(method, { dataset_name: 'data.jsonl', ...values });
  const [problem] = problems;
  if (problem !== undefined) throw problem.error;
  if (recipe === undefined) throw new Error('a recipe without problems');
  const { model: path } = foldersToAsk(app, { model: recipe.model_name_or_path });
  const folder = modelOutline(cachedFolder(path, process.cwd(), 'model') ?? path);
  const stored = [...folder.weights.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  const model = modelFor(folder.config);
  const shapeWith = (changed: Recipe, tokens?: number): StepShape => shapeOf(changed, model, stored, tokens);
  const shape = shapeWith(recipe, rowTokens?.longest);
  // Packed rows are full.
  const isPacked = recipe.method === 'sft' && recipe.packing;
  const usual = isPacked ? shape : shapeWith(recipe, rowTokens?.mean);
  const memory = stepMemory(shape);
  const speed = await machineSpeed(app);
  const totalSteps = stepsOf(recipe, rows);
  return {
    memory,
    totalMemoryBytes: totalmem(),
    freeMemoryBytes: availableMemory(),
    stepMs:
      speed === null
        ? null
        : (1000 * recipe.gradient_accumulation_steps * stepOperations(usual)) / (speed * SHARE_OF_PEAK),
    totalSteps,
    diskBytes: diskOf(recipe, 4 * adapterParameters(shape)),
    freeDiskBytes: freeDiskSpace(recipe.output_dir ?? app.home.folder),
    savings: savingsOf(recipe, (changed) => bytesOf(stepMemory(shapeWith(changed, rowTokens?.longest)))),
  };
}

function shapeOf(
  recipe: Recipe,
  model: StepShape['model'] & { defaultLoraTargets: readonly string[]; maxPositions: number },
  storedBytes: number,
  tokens: number = Infinity,
): StepShape {
  const targets = recipe.lora_target_modules ?? model.defaultLoraTargets;
  return {
    model,
    storedBytes,
    rank: recipe.lora_r,
    targets: targets === 'all-linear' ? model.linears : targets,
    // Two answers to a prompt; the prompt is computed once, but nobody knows yet how long it is.
    sequences: recipe.per_device_train_batch_size * (recipe.method === 'sft' ? 1 : 2),
    length: Math.min(tokens, recipe.max_length ?? model.maxPositions),
    lean: memoryOf(recipe) === 'lean',
    recompute: recipe.gradient_checkpointing,
    weightBits: bitsOf(recipe),
    stateBytes: OPTIMIZER_BYTES[recipe.optim],
  };
}

/** Of a rounded weight, with its share of the scales of its block. */
function bitsOf(recipe: Recipe): number | undefined {
  const rounded = fourBitSettings(recipe);
  if (rounded === undefined) return undefined;
  const scaleBits = rounded.nested ? 8 + 32 / nestedBlock : 32;
  return 4 + scaleBits / fourBitBlock[rounded.type];
}

const bytesOf = ({ weights, activations, optimizer, overhead }: StepMemory): number =>
  weights + activations + optimizer + overhead;

function stepsOf(recipe: Recipe, rows: number | null): number | null {
  if (recipe.max_steps > 0) return recipe.max_steps;
  if (rows === null) return null;
  const rowsPerStep = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps;
  return Math.ceil(recipe.num_train_epochs * Math.max(1, Math.ceil(rows / rowsPerStep)));
}

/** Checkpoints hold the adapter and the optimizer's state; the result holds the adapter again. */
function diskOf(recipe: Recipe, adapterBytes: number): number {
  const checkpoints = recipe.save_strategy === 'no' ? 1 : (recipe.save_total_limit ?? 5) + 1;
  return adapterBytes * (1 + checkpoints * (1 + OPTIMIZER_BYTES[recipe.optim] / 4));
}

/** Linux counts what caches would give back; elsewhere the free memory has to do. */
function availableMemory(): number {
  if (process.platform !== 'linux') return freemem();
  const kilobytes = /MemAvailable:\s+(\d+) kB/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
}

type Saving = { text: string; price: string; changes: Partial<Recipe> };

function savingsOf(recipe: Recipe, bytesWith: (changed: Recipe) => number): Estimate['savings'] {
  const now = bytesWith(recipe);
  const { per_device_train_batch_size: batch, gradient_accumulation_steps: accumulation, max_length: length } = recipe;
  const ideas: Saving[] = [];
  if (batch > 1)
    ideas.push({
      text: `Batches of ${Math.ceil(batch / 2)} instead of ${batch}, twice as many a step`,
      price: 'the same mathematics, a little slower',
      changes: {
        per_device_train_batch_size: Math.ceil(batch / 2),
        gradient_accumulation_steps: Math.round((accumulation * batch) / Math.ceil(batch / 2)),
      },
    });
  if (!recipe.gradient_checkpointing)
    ideas.push({
      text: 'Recompute activations',
      price: 'about 40 % more time',
      changes: { gradient_checkpointing: true },
    });
  if (!recipe.load_in_4bit && !String(recipe.init_lora_weights).startsWith('pissa'))
    ideas.push({
      text: 'Round the model to 4 bits (QLoRA)',
      price: 'the adapter learns on slightly different weights; made once, kept in the cache',
      changes: { load_in_4bit: true },
    });
  if (recipe.optim === 'adamw_torch')
    ideas.push({
      text: 'Keep the optimizer in 8 bit',
      price: 'a step of the optimizer takes three times as long',
      changes: { optim: 'adamw_8bit' },
    });
  if (length !== null && length > 256)
    ideas.push({
      text: `Rows of at most ${Math.floor(length / 2)} tokens`,
      price: 'longer rows are cut',
      changes: { max_length: Math.floor(length / 2) },
    });
  return ideas
    .map((idea) => ({ ...idea, bytes: bytesWith({ ...recipe, ...idea.changes } as Recipe) }))
    .filter(({ bytes }) => bytes < 0.97 * now)
    .map(({ changes, ...rest }) => ({ ...rest, changes }));
}
