// Writes what a run has learned into a folder of the user's choice, again and again if wanted.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Metrics } from '../../preload/contract.ts';
import { UserError } from '../errors.ts';
import { exportTarget } from '../export/registry.ts';
import { restoreRecipe } from '../recipe/parse.ts';
import type { StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';
import { reconcileCheckpoints } from './checkpoints-on-disk.ts';
import { findRun, methodOf } from './find-run.ts';
import { checkOutputFolder } from './output-folder.ts';

export type ExportRequest = {
  run: string;
  /** Name of an export target. */
  format: string;
  outputDir: string;
  /** "last" (the finished adapter where there is one), "best" (lowest eval_loss), or a step. */
  checkpoint: string;
  overwrite: boolean;
};

export type Exported = { run: string; step: number; outputDir: string };

/**
 * Exports a run and notes it in the history. Throws UserError where run, format or checkpoint are not there or the
 * folder cannot be written; nothing was written then.
 */
export function exportRun(app: App, { run: name, format, outputDir, checkpoint, overwrite }: ExportRequest): Exported {
  const target = exportTarget(format);
  const run = findRun(app, name);
  const { step, adapterFolder } = findAdapter(app, run, checkpoint);
  const folder = resolve(outputDir);
  checkOutputFolder(folder, overwrite, { folder: '--output-dir', overwrite: 'add --overwrite' });
  const recipe = restoreRecipe(methodOf(run), run.recipe);
  target.write({ adapterFolder, recipe, step, metrics: metricsAt(app, run, step) }, folder);
  app.history.exports.add(run.id, { recordedAt: Date.now(), target: target.name, step, path: folder });
  return { run: run.id, step, outputDir: folder };
}

type Found = { step: number; adapterFolder: string };

function findAdapter(app: App, run: StoredRun, wanted: string): Found {
  const checkpoints = reconcileCheckpoints(app, run).map(({ step, path }) => ({ step, adapterFolder: path }));
  const last = checkpoints.at(-1);
  if (wanted === 'last') {
    // The run's own checkpoint of the last step is surely its own; the output folder may hold another adapter by now.
    if (last?.step === run.lastStep || run.status !== 'completed') return last ?? noAdapter(run);
    const finished = existsSync(join(run.outputDir, 'adapter_config.json'));
    return finished ? { step: run.lastStep, adapterFolder: run.outputDir } : (last ?? noAdapter(run));
  }
  if (wanted === 'best') return bestOf(app, run, checkpoints);
  const found = checkpoints.find(({ step }) => String(step) === wanted);
  if (found !== undefined) return found;
  throw new UserError({
    code: 'checkpoint-not-found',
    message: `The run ${run.id} has no checkpoint ${wanted}.`,
    fix: `Use --checkpoint last, best, or one of its steps: ${checkpoints.map(({ step }) => step).join(', ') || 'none'}.`,
  });
}

function bestOf(app: App, run: StoredRun, checkpoints: readonly Found[]): Found {
  const losses = new Map(app.history.metrics.evaluations(run.id).map(({ step, metrics }) => [step, metrics.eval_loss]));
  const [best] = checkpoints
    .flatMap((one) => {
      const loss = losses.get(one.step);
      return loss === undefined ? [] : [{ one, loss }];
    })
    .sort((a, b) => a.loss - b.loss);
  if (best !== undefined) return best.one;
  throw new UserError({
    code: 'checkpoint-not-found',
    message: `No checkpoint of the run ${run.id} was evaluated, so none is known to be the best.`,
    fix: 'Use --checkpoint last or a step; let eval_steps and save_steps meet to compare checkpoints.',
  });
}

function noAdapter(run: StoredRun): never {
  throw new UserError({
    code: 'nothing-to-export',
    message: `The run ${run.id} (${run.status}) has no adapter: no checkpoint was saved and none was finished.`,
    fix: `lorelei resume ${run.id} trains it.`,
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
