// What the run of a recipe would take of this machine: memory, time, disk, and what would lower the memory.
import { totalmem } from 'node:os';
import type { Estimate } from '../../preload/contract.ts';
import { freeDiskSpace } from '../checkpoints/disk-space.ts';
import { modelOutline } from '../checkpoints/model-outline.ts';
import type { RowSizes } from '../data/row-sizes.ts';
import type { Model } from '../engine/models/model.ts';
import { modelFor } from '../engine/models/registry.ts';
import { freeMemory } from '../engine/runtime/free-memory.ts';
import { checkKeys } from '../recipe/check-keys.ts';
import type { Method, Recipe } from '../recipe/recipe.ts';
import { optimizerBytes } from '../training/run-shape.ts';
import { usualBatch } from '../training/largest-batch.ts';
import { adapterParameters, type AdapterShape } from '../training/step-cost.ts';
import { stepWork } from '../training/step-time.ts';
import type { StepMemory } from '../training/step-memory.ts';
import type { App } from './app.ts';
import { foldersToAsk } from './chain-runs.ts';
import { cachedFolder } from './hub-folder.ts';
import { machineSpeed } from './machine-speed.ts';
import { runDevice } from './run-device.ts';
import { waysToNeedLess } from './savings.ts';

/** What the products of a step reach of the speed of bare ones, on the processors that were measured. */
const SHARE_OF_PEAK = 0.55;

type Request = {
  method: Method;
  values: Record<string, unknown>;
  rows: number | null;
  /** Null: all are taken to be as long as max_length. */
  sizes: RowSizes | null;
  signal?: AbortSignal;
};

/** Throws UserError where recipe or model cannot be read. */
export async function estimateRun(app: App, request: Request): Promise<Estimate> {
  const { method, values, rows, sizes, signal = new AbortController().signal } = request;
  // What the estimate does not need may still be missing.
  const { problems, recipe } = checkKeys(method, { dataset_name: 'data.jsonl', ...values });
  const [problem] = problems;
  if (problem !== undefined) throw problem.error;
  if (recipe === undefined) throw new Error('a recipe without problems');
  const { model: path } = foldersToAsk(app, { model: recipe.model_name_or_path });
  const place = cachedFolder(path, process.cwd(), 'model') ?? path;
  const { config } = modelOutline(place);
  const model = modelFor(config);
  const ideas = waysToNeedLess(recipe).map((idea) => ({ ...idea, recipe: { ...recipe, ...idea.changes } as Recipe }));
  const device = await runDevice(app, recipe.device);
  const [memory, ...others] = await app.launchErrand(
    'memory',
    {
      model: place,
      sizes,
      device: device.kind,
      formats: device.formats,
      recipes: [recipe, ...ideas.map((idea) => idea.recipe)],
    },
    { onProgress: () => undefined, signal, keep: 'graphs' },
  );
  if (memory === undefined) throw new Error('an errand without an answer');
  // What saving costs of time was measured on the processor only.
  const isProcessor = device.kind === 'cpu';
  const speed = device.speedup === null ? null : await machineSpeed(app);
  const work = workOf(recipe, model, sizes);
  const { name, title, totalBytes, freeBytes } = device;
  return {
    memory: memory.host,
    device: memory.device && { name, title, memory: memory.device, totalBytes, freeBytes },
    totalMemoryBytes: totalmem(),
    freeMemoryBytes: freeMemory(),
    stepMs: speed && (1000 * work) / (speed * SHARE_OF_PEAK * (device.speedup ?? 1)),
    totalSteps: stepsOf(recipe, rows),
    diskBytes: diskOf(recipe, 4 * adapterParameters(adapterOf(recipe, model))),
    freeDiskBytes: freeDiskSpace(recipe.output_dir ?? app.home.folder),
    savings: ideas
      .map(({ recipe: changed, ...idea }, i) => {
        const { host, device: there } = others[i] ?? memory;
        return {
          ...idea,
          bytes: bytesOf(host),
          deviceBytes: there && bytesOf(there),
          timeRatio: isProcessor ? workOf(changed, model, sizes) / work : null,
        };
      })
      .filter(
        ({ bytes, deviceBytes }) =>
          bytes < WORTH * bytesOf(memory.host) ||
          (deviceBytes !== null && memory.device !== null && deviceBytes < WORTH * bytesOf(memory.device)),
      ),
  };
}

/** What a change has to leave of a memory to be worth a line. */
const WORTH = 0.97;

function workOf(recipe: Recipe, model: Model, sizes: RowSizes | null): number {
  return stepWork(recipe, { ...adapterOf(recipe, model), ...usualBatch(recipe, model.maxPositions, sizes) });
}

function adapterOf(recipe: Recipe, model: Model): AdapterShape & { model: Model } {
  const targets = recipe.lora_target_modules ?? model.defaultLoraTargets;
  return { model, rank: recipe.lora_r, targets: targets === 'all-linear' ? model.linears : targets };
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
  return adapterBytes * (1 + checkpoints * (1 + optimizerBytes[recipe.optim] / 4));
}
