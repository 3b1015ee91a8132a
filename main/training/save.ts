// What a run leaves on disk: checkpoints to continue from, and the finished adapter.
import { basename } from 'node:path';
import { z } from 'zod';
import { type Adapter, writeAdapter } from '../checkpoints/adapter.ts';
import { modelCard } from '../checkpoints/model-card.ts';
import { baseModelName } from '../checkpoints/model-folder.ts';
import { pruneCheckpoints, readCheckpoint, writeCheckpoint } from '../checkpoints/run-state.ts';
import { UserError } from '../errors.ts';
import { resultSettings } from '../recipe/result-settings.ts';
import type { Metrics } from '../../preload/contract.ts';
import { type FlatLayout, view } from './flat-parameters.ts';
import type { JobSpec } from './job.ts';
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
    adapter: adapterNow(prepared),
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
  if (!prepared.lora.restore(stepper.layout, stepper.parameters, saved.adapter.tensors))
    throw misfit(path, 'its adapter has other tensors');
  load(saved.optimizer, stepper.firstMoments, (name) => `exp_avg.${name}`);
  load(saved.optimizer, stepper.secondMoments, (name) => `exp_avg_sq.${name}`);
  stepper.step = state.data.step;
  return { log: state.data.log, metrics: state.data.metrics };
}

/** The adapter in PEFT's format, with tokenizer files and a model card, in the job's output folder. */
export function writeFinalAdapter(job: JobSpec, prepared: Prepared, metrics: Metrics): void {
  const { stepper, loaded, report } = prepared;
  const { config, tensors } = adapterNow(prepared);
  writeAdapter(job.outputDir, {
    config,
    tensors,
    card: modelCard({
      name: basename(job.outputDir),
      baseModel: baseModelName(loaded.folder).name,
      method: 'Supervised fine-tuning (SFT)',
      settings: { steps: stepper.step, ...resultSettings(job.recipe, config) },
      results: metrics,
      data: { ...report, files: report.files.map(({ file }) => file) },
    }),
    tokenizerFrom: loaded.folder,
    ...(report.chatTemplate === undefined ? {} : { chatTemplate: report.chatTemplate }),
  });
}

/** The adapter as trained so far, on the model as it is on disk. */
function adapterNow({ lora, loaded, stepper }: Prepared): Adapter {
  const base = baseModelName(loaded.folder);
  const { config, tensors } = lora.adapter(stepper.layout, stepper.parameters);
  return {
    config: { ...config, base_model_name_or_path: base.name, revision: base.revision },
    tensors: new Map(tensors),
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
