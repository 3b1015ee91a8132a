// What a run leaves on disk: checkpoints to continue from, and the finished adapter.
import { z } from 'zod';
import { type AdapterConfig, writeAdapter } from '../checkpoints/adapter.ts';
import type { LossHistory } from '../checkpoints/model-card.ts';
import { baseModelName } from '../checkpoints/model-folder.ts';
import { pruneCheckpoints, readCheckpoint, writeCheckpoint } from '../checkpoints/run-state.ts';
import { UserError } from '../errors.ts';
import type { Metrics } from '../../preload/contract.ts';
import { finishedCard } from './card.ts';
import { type FlatLayout, view } from './flat-parameters.ts';
import type { JobSpec } from './job.ts';
import { peftKey } from './lora-start.ts';
import type { LogState } from './metrics.ts';
import type { Prepared } from './prepare.ts';

/** What a checkpoint holds besides tensors. Data position, schedule and dropout all follow from the step. */
const savedState = z.object({
  step: z.int().nonnegative(),
  log: z.object({
    lossSum: z.number(),
    steps: z.number(),
    accuracySum: z.number(),
    microBatches: z.number(),
    numTokens: z.number(),
  }),
  metrics: z.record(z.string(), z.number()),
  /** Rows and their lengths, so that resuming on other data is noticed. */
  rows: z.number(),
  seed: z.number(),
});

type Named = Map<string, { shape: readonly number[]; data: Float32Array }>;

/** Writes checkpoint-<step> and drops those beyond save_total_limit. Returns the new path and those dropped. */
export function saveCheckpoint(
  job: JobSpec,
  prepared: Prepared,
  { log, metrics }: { log: LogState; metrics: Metrics },
): { path: string; removed: string[] } {
  const { stepper } = prepared;
  const { layout } = stepper;
  const path = writeCheckpoint(job.runDir, {
    step: stepper.step,
    adapter: { config: adapterConfig(job, prepared), tensors: tensorsOf(layout, stepper.parameters, peftKey) },
    optimizer: new Map([
      ...tensorsOf(layout, stepper.firstMoments, (name) => `exp_avg.${name}`),
      ...tensorsOf(layout, stepper.secondMoments, (name) => `exp_avg_sq.${name}`),
    ]),
    state: {
      step: stepper.step,
      log,
      metrics,
      rows: prepared.train.length,
      seed: job.recipe.seed,
    } satisfies z.infer<typeof savedState>,
  });
  return { path, removed: pruneCheckpoints(job.runDir, job.recipe.save_total_limit) };
}

/** Puts a checkpoint's tensors and step into the stepper. Throws a UserError when it belongs to another run. */
export function restoreCheckpoint(path: string, job: JobSpec, prepared: Prepared): { log: LogState; metrics: Metrics } {
  const { stepper } = prepared;
  const saved = readCheckpoint(path);
  const state = savedState.safeParse(saved.state);
  if (!state.success) throw misfit(path, `its state cannot be read (${state.error.issues[0]?.message ?? 'invalid'})`);
  if (state.data.rows !== prepared.train.length)
    throw misfit(
      path,
      `it was saved while training on ${state.data.rows} rows, the data now has ${prepared.train.length}`,
    );
  if (state.data.seed !== job.recipe.seed) throw misfit(path, `it was saved with seed ${state.data.seed}`);
  const load = (from: Named, into: Float32Array, key: (name: string) => string): void => {
    for (const slot of stepper.layout.slots) {
      const tensor = from.get(key(slot.name));
      if (tensor?.shape.join() !== slot.shape.join()) throw misfit(path, `it has no ${key(slot.name)} of this shape`);
      view(into, slot).set(tensor.data);
    }
  };
  load(saved.adapter.tensors, stepper.parameters, peftKey);
  load(saved.optimizer, stepper.firstMoments, (name) => `exp_avg.${name}`);
  load(saved.optimizer, stepper.secondMoments, (name) => `exp_avg_sq.${name}`);
  stepper.step = state.data.step;
  return { log: state.data.log, metrics: state.data.metrics };
}

/** The adapter in PEFT's format, with tokenizer files and a model card, in the job's output folder. */
export function writeFinalAdapter(job: JobSpec, prepared: Prepared, metrics: Metrics, history?: LossHistory): void {
  const { stepper, loaded, report } = prepared;
  const config = adapterConfig(job, prepared);
  writeAdapter(job.outputDir, {
    config,
    tensors: tensorsOf(stepper.layout, stepper.parameters, peftKey),
    card: finishedCard(job, prepared, { config, metrics, history }),
    tokenizerFrom: loaded.folder,
    ...(report.chatTemplate === undefined ? {} : { chatTemplate: report.chatTemplate }),
  });
}

function adapterConfig(job: JobSpec, { lora, loaded }: Prepared): AdapterConfig {
  const base = baseModelName(loaded.folder);
  return {
    r: lora.settings.rank,
    lora_alpha: lora.settings.alpha,
    lora_dropout: lora.settings.dropout,
    target_modules: lora.targetModules,
    use_rslora: lora.settings.useRslora,
    base_model_name_or_path: base.name,
    revision: base.revision,
  };
}

function tensorsOf(layout: FlatLayout, vector: Float32Array, key: (name: string) => string): Named {
  return new Map(layout.slots.map((slot) => [key(slot.name), { shape: slot.shape, data: view(vector, slot) }]));
}

function misfit(path: string, what: string): UserError {
  return new UserError({
    code: 'checkpoint-misfit',
    message: `The run cannot continue from ${path}: ${what}.`,
    fix: 'Resume with the recipe and the data the run was started with, or start a new run.',
  });
}
