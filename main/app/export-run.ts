// Writes what a run has learned into a folder of the user's choice, again and again if wanted.
import { resolve } from 'node:path';
import type { Metrics } from '../../preload/contract.ts';
import { readDataSummary } from '../checkpoints/data-summary.ts';
import { readyModel } from '../checkpoints/gguf/ready-model.ts';
import { fulfilMergeOrder } from '../checkpoints/merge-order.ts';
import { type MergedDType, mergedDTypes, type MergeHooks } from '../checkpoints/merged-model.ts';
import type { LossHistory } from '../checkpoints/model-card.ts';
import { parseShardSize } from '../checkpoints/shards.ts';
import { UserError } from '../errors.ts';
import { exportTarget } from '../export/registry.ts';
import { restoreRecipe } from '../recipe/parse.ts';
import type { StoredRun } from '../store/runs.ts';
import { runFolder, type App } from './app.ts';
import { mergedUnrounded } from './chain-runs.ts';
import { findRun, methodOf } from './find-run.ts';
import { checkOutputFolder, type OutputWords } from './output-folder.ts';
import { findAdapter } from './run-adapter.ts';

export type ExportRequest = {
  run: string;
  /** Name of an export target. */
  format: string;
  outputDir: string;
  /** "last" (the finished adapter where there is one), "best" (lowest eval_loss), or a step. */
  checkpoint: string;
  overwrite: boolean;
  /** Of a merged model's weights: "auto" (the base model's), "float32", "float16" or "bfloat16". Default "auto". */
  dtype?: string | undefined;
  /** Where a merged model is cut into several files: "5GB". */
  maxShardSize?: string | undefined;
  /** "ada/otter" where it goes to the Hugging Face Hub from there: its card then says how to load it by that name. */
  hubId?: string | undefined;
  /** How the folder, and the wish to replace what is in it, are named to a person. */
  words?: OutputWords | undefined;
};

/** What is exported, and not where to. */
export type ExportChoice = Pick<ExportRequest, 'run' | 'format' | 'checkpoint' | 'dtype' | 'maxShardSize'>;

export type Exported = {
  run: string;
  target: string;
  step: number;
  outputDir: string;
  /** What a person should know of the result. */
  warnings: string[];
};

export type ExportHooks = Pick<MergeHooks, 'onProgress' | 'signal'>;

const usualWords: OutputWords = { folder: 'the export', overwrite: 'allow it' };

/**
 * Exports a run and notes it in the history. Throws UserError where run, format, options or checkpoint are not there or
 * the folder cannot be written, and the signal's reason where it is aborted; nothing was written then.
 */
export async function exportRun(app: App, request: ExportRequest, hooks: ExportHooks = {}): Promise<Exported> {
  const exported = await writeExport(app, request, hooks);
  noteExport(app, exported);
  return exported;
}

/** Notes in the history what was exported, with its warnings. */
export function noteExport(app: App, { run, target, step, outputDir, warnings }: Exported): void {
  const recordedAt = Date.now();
  app.history.exports.add(run, { recordedAt, target, step, path: outputDir });
  for (const message of warnings) app.history.events.add(run, { recordedAt, level: 'warning', message });
}

/** Exports a run and only reads the history. Throws as exportRun does. */
export async function writeExport(app: App, request: ExportRequest, hooks: ExportHooks = {}): Promise<Exported> {
  const target = exportTarget(request.format);
  const settings = {
    dtype: dtypeOf(request.dtype ?? 'auto'),
    maxShardBytes: parseShardSize(request.maxShardSize ?? '5GB'),
  };
  const run = findRun(app, request.run);
  const { step, adapterFolder } = findAdapter(app, run, request.checkpoint, String);
  const folder = resolve(request.outputDir);
  checkOutputFolder(folder, request.overwrite, request.words ?? usualWords, target.files);
  const recipe = restoreRecipe(methodOf(run), run.recipe);
  const warnings: string[] = [];
  const merging = { ...hooks, onWarning: (message: string) => void warnings.push(message) };
  // A run that began with a merged model needs it again.
  await fulfilMergeOrder(runFolder(app, run), app.home.cache, merging);
  // So does one that began with a GGUF file.
  const model = await readyModel(recipe.model_name_or_path, app.home.cache, hooks);
  const source = {
    adapterFolder,
    recipe: { ...recipe, model_name_or_path: model },
    step,
    metrics: metricsAt(app, run, step),
    history: historyUpTo(app, run, step),
    data: readDataSummary(runFolder(app, run)),
    hubId: request.hubId,
  };
  await target.write(source, folder, settings, merging);
  if (recipe.load_in_4bit && target.name === 'merged') warnings.push(mergedUnrounded(run.id));
  return { run: run.id, target: target.name, step, outputDir: folder, warnings };
}

function dtypeOf(text: string): MergedDType {
  const found = mergedDTypes.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UserError({
    code: 'option-value',
    message: `The dtype is ${text}; it must be one of ${mergedDTypes.join(', ')}.`,
    fix: 'Choose one of these; auto keeps that of the base model.',
  });
}

/** What was logged last at or before `step`, and the evaluation at that very step. */
function metricsAt(app: App, run: StoredRun, step: number): Metrics {
  if (run.status === 'completed' && step === run.lastStep) return run.metrics;
  const logged = app.history.metrics
    .steps(run.id)
    .findLast((row) => row.step <= step && row.logged !== undefined)?.logged;
  const evaluated = app.history.metrics.evaluations(run.id).findLast((row) => row.step === step)?.metrics;
  return { ...logged, ...evaluated };
}

function historyUpTo(app: App, run: StoredRun, last: number): LossHistory {
  return {
    losses: app.history.metrics.steps(run.id).filter(({ step }) => step <= last),
    evaluations: app.history.metrics.evaluations(run.id).filter(({ step }) => step <= last),
  };
}
