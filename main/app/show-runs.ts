// The history as lists and pages show it.
import { basename } from 'node:path';
import type { RunChanges, RunDetail, RunOverview, RunSummary } from '../../preload/contract.ts';
import type { History } from '../store/history.ts';
import type { RunLine } from '../store/run-lines.ts';
import type { StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';
import { deviceAsked } from './busy-devices.ts';
import { modelNameOf } from './chain-runs.ts';
import { reconcileCheckpoints } from './checkpoints-on-disk.ts';
import { findRun, isUnderWay, withTrueStatus } from './find-run.ts';

const TREND_POINTS = 40;

/** Steps whose mean pace says how long the rest takes. */
const PACE_STEPS = 20;

/** Where a run stands in the queue, and for what. */
type Waiting = { place: number; device: string };

function summaryOf(history: History, line: RunLine, waiting: Waiting | undefined): RunSummary {
  const run = withTrueStatus(line);
  const ended = isUnderWay(run) ? undefined : run.endedAt;
  const updatedAt = ended ?? history.metrics.lastRecordedAt(run.id) ?? run.createdAt;
  const pace = isUnderWay(run) ? history.metrics.pace(run.id, PACE_STEPS) : undefined;
  return {
    id: run.id,
    name: run.name ?? null,
    method: run.method,
    status: run.status,
    modelName: modelNameOf({ recipe: { model_name_or_path: run.model } }),
    createdAt: run.createdAt,
    updatedAt,
    step: run.lastStep,
    totalSteps: run.totalSteps ?? null,
    loss: run.lastLoss ?? null,
    bestEvalLoss: run.bestEvalLoss ?? null,
    dataName: dataNameOf(run.data),
    durationMs: run.startedAt === undefined ? null : Math.max(0, updatedAt - run.startedAt),
    tokensPerSecond: pace?.tokensPerSecond ?? null,
    remainingMs: pace && run.totalSteps !== undefined ? pace.stepMs * Math.max(0, run.totalSteps - run.lastStep) : null,
    tags: run.tags,
    hasNotes: run.hasNotes,
    archived: run.archived,
    queuePlace: waiting?.place ?? null,
    waitsFor: waiting?.device ?? null,
    device: run.device ?? null,
  };
}

/** All runs, newest first, with their true status. */
export function listRuns(app: App): RunSummary[] {
  const waiting = placesInQueue(app);
  return app.history.lines.list().map((line) => summaryOf(app.history, line, waiting.get(line.id)));
}

/** What a list must take over that was current at `after`, where 0 stands for an empty one. */
export function changedRuns(app: App, after: number): RunChanges {
  const waiting = placesInQueue(app);
  const revision = app.history.lines.revision();
  const lines = app.history.lines.changedAfter(after);
  return {
    revision,
    runs: lines.filter(({ deleted }) => !deleted).map((line) => summaryOf(app.history, line, waiting.get(line.id))),
    gone: lines.filter(({ deleted }) => deleted).map(({ id }) => id),
  };
}

/** Run -> its place among those that wait, from 1. */
function placesInQueue(app: App): Map<string, Waiting> {
  const queue = app.history.runs.queue();
  return new Map(queue.map((run, i) => [run.id, { place: i + 1, device: deviceAsked(run) }]));
}

/** Some dozens of each run's logged losses, in order. Runs that are not there are left out. */
export function runTrends(app: App, ids: readonly string[]): Record<string, number[]> {
  const { runs, metrics } = app.history;
  const known = ids.map((id) => runs.get(id)).filter((run) => run !== undefined);
  return Object.fromEntries(known.map(({ id, lastStep }) => [id, metrics.lossTrend(id, lastStep, TREND_POINTS)]));
}

/** The files of dataset_name: "train.jsonl", "a.jsonl and 2 more". */
function dataNameOf(given: unknown): string {
  const files = (Array.isArray(given) ? given : [given]).filter((file) => typeof file === 'string');
  const [first, ...others] = files.map((file) => basename(file));
  return first === undefined ? '' : others.length === 0 ? first : `${first} and ${others.length} more`;
}

function lineOf(app: App, id: string): RunLine {
  const line = app.history.lines.get(id);
  if (line === undefined) throw new Error(`run ${id} vanished`);
  return line;
}

/** Everything the history knows of one run. Throws UserError "run-not-found" or "run-ambiguous". */
export function showRun(app: App, name: string): RunDetail {
  const run = findRun(app, name);
  const { metrics } = app.history;
  const steps = metrics.steps(run.id);
  const rows = [
    ...steps.flatMap(({ step, logged }) => (logged === undefined ? [] : [{ step, values: logged }])),
    ...metrics.evaluations(run.id).map(({ step, metrics: values }) => ({ step, values })),
  ];
  return {
    ...overviewOf(app, run),
    losses: steps.filter(({ loss }) => Number.isFinite(loss)).map(({ step, loss }) => ({ step, loss })),
    metrics: rows.sort((a, b) => a.step - b.step).map(({ step, values }) => ({ step, values: finite(values) })),
  };
}

/** The same without what it measured, which may be long. */
export function overviewOf(app: App, run: StoredRun): RunOverview {
  const { events, checkpoints, exports, samples } = app.history;
  if (!isUnderWay(run)) reconcileCheckpoints(app, run);
  return {
    ...summaryOf(app.history, lineOf(app, run.id), placesInQueue(app).get(run.id)),
    outputDir: run.outputDir,
    notes: run.notes,
    recipe: run.recipe,
    events: events
      .list(run.id)
      .map(({ recordedAt, step, level, message }) => ({ at: recordedAt, step: step ?? null, level, message })),
    checkpoints: checkpoints.list(run.id).map(({ step, path, recordedAt }) => ({ step, path, createdAt: recordedAt })),
    samples: samples.list(run.id).map(({ step, index, prompt, text }) => ({ step, index, prompt, text })),
    exports: exports
      .list(run.id)
      .map(({ recordedAt, target, step, path }) => ({ at: recordedAt, target, step: step ?? null, path })),
    endMetrics: run.metrics,
    error: run.error ?? null,
  };
}

/** JSON writes NaN as null, and the contract knows only numbers. */
function finite(values: Record<string, number | null>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== null));
}
