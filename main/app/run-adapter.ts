// Which adapter of a run is meant: the finished one, that of a step, or the best.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import type { StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';
import { reconcileCheckpoints } from './checkpoints-on-disk.ts';

/** How the user names a checkpoint: last -> "run:quiet-heron@last". */
type Choice = (which: string) => string;

export type RunAdapter = { step: number; adapterFolder: string };

/**
 * "last" (the finished adapter where there is one), "best" (lowest eval_loss), or a step. Throws UserError
 * "nothing-to-export" or "checkpoint-not-found"; `choice` is how the user names one: "run:quiet-heron@best".
 */
export function findAdapter(app: App, run: StoredRun, wanted: string, choice: Choice): RunAdapter {
  const checkpoints = reconcileCheckpoints(app, run).map(({ step, path }) => ({ step, adapterFolder: path }));
  const last = checkpoints.at(-1);
  if (wanted === 'last') {
    // The run's own checkpoint of the last step is surely its own; the output folder may hold another adapter by now.
    if (last?.step === run.lastStep || run.status !== 'completed') return last ?? noAdapter(run);
    const finished = existsSync(join(run.outputDir, 'adapter_config.json'));
    return finished ? { step: run.lastStep, adapterFolder: run.outputDir } : (last ?? noAdapter(run));
  }
  if (wanted === 'best') return bestOf(app, run, checkpoints, choice);
  const found = checkpoints.find(({ step }) => String(step) === wanted);
  if (found !== undefined) return found;
  throw new UserError({
    code: 'checkpoint-not-found',
    message: `The run ${run.id} has no checkpoint ${wanted}.`,
    fix: `Use ${['last', 'best', ...checkpoints.map(({ step }) => String(step))].map(choice).join(', ')}.`,
  });
}

/** Every adapter of the run that is there, in order of steps; with eval_loss where it was evaluated. */
export function listAdapters(app: App, run: StoredRun): (RunAdapter & { evalLoss: number | null })[] {
  const found = new Map(
    reconcileCheckpoints(app, run).map(({ step, path }) => [step, { step, adapterFolder: path }] as const),
  );
  if (existsSync(join(run.outputDir, 'adapter_config.json')) && run.status === 'completed' && !found.has(run.lastStep))
    found.set(run.lastStep, { step: run.lastStep, adapterFolder: run.outputDir });
  const losses = evaluationLosses(app, run);
  return [...found.values()].map((one) => ({ ...one, evalLoss: losses.get(one.step) ?? null }));
}

const evaluationLosses = (app: App, run: StoredRun): ReadonlyMap<number, number | undefined> =>
  new Map(app.history.metrics.evaluations(run.id).map(({ step, metrics }) => [step, metrics.eval_loss]));

function bestOf(app: App, run: StoredRun, checkpoints: readonly RunAdapter[], choice: Choice): RunAdapter {
  const losses = evaluationLosses(app, run);
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
    fix: `Use ${choice('last')} or a step; let eval_steps and save_steps meet to compare checkpoints.`,
  });
}

function noAdapter(run: StoredRun): never {
  throw new UserError({
    code: 'nothing-to-export',
    message: `The run ${run.id} (${run.status}) has no adapter: no checkpoint was saved and none was finished.`,
    fix: 'Resume the run: that trains it.',
    commandLine: `lorelei resume ${run.id} trains it.`,
  });
}
