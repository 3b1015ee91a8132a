// The history as lists and pages show it.
import type { RunDetail, RunSummary } from '../../preload/contract.ts';
import type { History } from '../store/history.ts';
import type { StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';
import { modelNameOf } from './chain-runs.ts';
import { reconcileCheckpoints } from './checkpoints-on-disk.ts';
import { findRun, isUnderWay, withTrueStatus } from './find-run.ts';

const TREND_POINTS = 40;

function summaryOf(history: History, run: StoredRun): RunSummary {
  return {
    id: run.id,
    name: run.name ?? null,
    method: run.method,
    status: run.status,
    modelName: modelNameOf(run),
    createdAt: run.createdAt,
    updatedAt: history.metrics.lastRecordedAt(run.id) ?? run.endedAt ?? run.createdAt,
    step: run.lastStep,
    totalSteps: run.totalSteps ?? null,
    loss: run.lastLoss ?? null,
    lossTrend: history.metrics.lossTrend(run.id, run.lastStep, TREND_POINTS),
  };
}

/** All runs, newest first, with their true status. */
export function listRuns(app: App): RunSummary[] {
  return app.history.runs.list().map((run) => summaryOf(app.history, withTrueStatus(run)));
}

/** Everything the history knows of one run. Throws UserError "run-not-found" or "run-ambiguous". */
export function showRun(app: App, name: string): RunDetail {
  const run = findRun(app, name);
  const { metrics, events, checkpoints, exports, samples } = app.history;
  if (!isUnderWay(run)) reconcileCheckpoints(app, run);
  const steps = metrics.steps(run.id);
  const rows = [
    ...steps.flatMap(({ step, logged }) => (logged === undefined ? [] : [{ step, values: logged }])),
    ...metrics.evaluations(run.id).map(({ step, metrics: values }) => ({ step, values })),
  ];
  return {
    ...summaryOf(app.history, run),
    outputDir: run.outputDir,
    recipe: run.recipe,
    losses: steps.filter(({ loss }) => Number.isFinite(loss)).map(({ step, loss }) => ({ step, loss })),
    metrics: rows.sort((a, b) => a.step - b.step).map(({ step, values }) => ({ step, values: finite(values) })),
    events: events
      .list(run.id)
      .map(({ recordedAt, step, level, message }) => ({ at: recordedAt, step: step ?? null, level, message })),
    checkpoints: checkpoints.list(run.id).map(({ step, path, recordedAt }) => ({ step, path, createdAt: recordedAt })),
    samples: samples.list(run.id).map(({ step, index, prompt, text }) => ({ step, index, prompt, text })),
    exports: exports
      .list(run.id)
      .map(({ recordedAt, target, step, path }) => ({ at: recordedAt, target, step: step ?? null, path })),
    error: run.error ?? null,
  };
}

/** JSON writes NaN as null, and the contract knows only numbers. */
function finite(values: Record<string, number | null>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== null));
}
