// What a run leaves on disk: checkpoints to continue from, and the finished adapter.
import type { z } from 'zod';
import { type Adapter, writeAdapter } from '../checkpoints/adapter.ts';
import type { LossHistory } from '../checkpoints/model-card.ts';
import { baseModelName } from '../checkpoints/model-folder.ts';
import { checkpointPath, pruneCheckpoints, readCheckpoint, writeCheckpoint } from '../checkpoints/run-state.ts';
import { lossScalerDefaults } from '../engine/optim/loss-scaler.ts';
import { UserError } from '../errors.ts';
import type { Metrics } from '../../preload/contract.ts';
import type { BestState } from './best-evaluation.ts';
import { finishedCard } from './card.ts';
import type { JobSpec } from './job.ts';
import type { LogState } from './metrics.ts';
import type { Prepared } from './prepare.ts';
import { savedState } from './saved-state.ts';
import type { Stepper } from './stepper.ts';

/** What the step's timetable asks for and a stop has cut off: its evaluation, and how many of its last samples. */
export type Owed = { evaluation: boolean; samples: number };

/** How far a run has come, beside the tensors. */
export type Progress = {
  log: LogState;
  metrics: Metrics;
  best: BestState | undefined;
  history: LossHistory;
  owed: Owed;
  /** Rows that memory reached for at once. */
  rowsAtOnce: number | undefined;
};

/** Writes checkpoint-<step> and drops those beyond save_total_limit. Returns the new path and those dropped. */
export function saveCheckpoint(
  job: JobSpec,
  prepared: Prepared,
  { log, metrics, best, history, owed, rowsAtOnce }: Progress,
): { path: string; removed: string[] } {
  const { stepper } = prepared;
  const path = writeCheckpoint(job.runDir, {
    step: stepper.step,
    adapter: adapterNow(prepared),
    optimizer: stepper.optimizer.state().tensors,
    state: {
      step: stepper.step,
      log,
      metrics,
      ...(best === undefined ? {} : { best }),
      history: { losses: [...history.losses], evaluations: history.evaluations.map((one) => ({ ...one })) },
      owed: { ...owed },
      ...(rowsAtOnce === undefined ? {} : { rowsAtOnce }),
      ...lossScaleOf(stepper),
      rows: prepared.method.train.length,
      seed: job.recipe.seed,
    } satisfies z.infer<typeof savedState>,
  });
  const protect = best === undefined ? [] : [checkpointPath(job.runDir, best.step)];
  return { path, removed: pruneCheckpoints(job.runDir, job.recipe.save_total_limit, { protect }) };
}

/** Of a run that scales its loss, or goes on from one that has. */
function lossScaleOf({ lossScaler, skippedSteps }: Stepper): Pick<z.infer<typeof savedState>, 'lossScale'> {
  if (lossScaler === undefined && skippedSteps === 0) return {};
  const { initialScale } = lossScalerDefaults;
  const state = lossScaler?.state() ?? { scale: initialScale, growthTracker: 0 };
  return { lossScale: { ...state, skippedSteps } };
}

/** Puts a checkpoint's tensors and step into the stepper. Throws a UserError when it belongs to another run. */
export function restoreCheckpoint(path: string, job: JobSpec, prepared: Prepared): Progress {
  const { stepper, method } = prepared;
  const saved = readCheckpoint(path);
  const state = savedState.safeParse(saved.state);
  if (!state.success) throw misfit(path, `its state cannot be read (${state.error.issues[0]?.message ?? 'invalid'})`);
  if (state.data.rows !== method.train.length)
    throw misfit(
      path,
      `it was saved while training on ${state.data.rows} rows, the data now has ${method.train.length}`,
    );
  if (state.data.seed !== job.recipe.seed) throw misfit(path, `it was saved with seed ${state.data.seed}`);
  restoreAdapter(path, prepared, saved.adapter.tensors);
  const { lossScale } = state.data;
  const stepsTaken = state.data.step - (lossScale?.skippedSteps ?? 0);
  stepper.optimizer.restore({ stepsTaken, tensors: saved.optimizer }, path);
  if (lossScale) stepper.restoreScale(lossScale);
  stepper.homeChanged();
  const { log, metrics, best, history, owed = { evaluation: false, samples: 0 }, rowsAtOnce } = state.data;
  return { log, metrics, best, history, owed, rowsAtOnce };
}

/** Puts only the adapter of a step's checkpoint into the stepper. */
export function restoreAdapterOf(job: JobSpec, prepared: Prepared, step: number): void {
  const path = checkpointPath(job.runDir, step);
  restoreAdapter(path, prepared, readCheckpoint(path).adapter.tensors);
  prepared.stepper.homeChanged();
}

function restoreAdapter(path: string, { lora, stepper }: Prepared, tensors: Adapter['tensors']): void {
  if (!lora.restore(stepper.layout, stepper.parameters, tensors)) throw misfit(path, 'its adapter has other tensors');
}

/** The adapter in PEFT's format, with tokenizer files and a model card, in the job's output folder. */
export function writeFinalAdapter(
  job: JobSpec,
  prepared: Prepared,
  { metrics, step, history }: { metrics: Metrics; step: number; history: LossHistory },
): void {
  const { loaded, method } = prepared;
  const { config, tensors } = adapterNow(prepared);
  const { report } = method;
  writeAdapter(job.outputDir, {
    config,
    tensors,
    card: finishedCard(job, { loaded, report, step }, { config, metrics, history }),
    tokenizerFrom: loaded.folder,
    ...(report.chatTemplate === undefined ? {} : { chatTemplate: report.chatTemplate }),
  });
}

/** The adapter as trained so far, on the model as it is on disk. */
function adapterNow({ lora, loaded, stepper }: Prepared): Adapter {
  const base = baseModelName(loaded.folder);
  const { config, tensors } = lora.adapter(stepper.layout, stepper.parameters);
  return {
    config: {
      ...config,
      base_model_name_or_path: base.name,
      revision: base.revision,
      ...(loaded.folder.isPart ? { inWhole: true } : {}),
    },
    tensors: new Map(tensors),
  };
}

function misfit(path: string, what: string): UserError {
  return new UserError({
    code: 'checkpoint-misfit',
    message: `The run cannot continue from ${path}: ${what}.`,
    fix: 'Resume with the recipe and the data the run was started with, or start a new run.',
  });
}
