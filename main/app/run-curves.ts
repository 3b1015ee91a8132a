// What a run has measured, as columns: a window asks for all of it once, then for what is new.
import type { RowsByColumn, RunCurves } from '../../preload/contract.ts';
import type { StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';

export type CurvesRequest = {
  /** Only steps after this one. */
  after: number;
  /** Only evaluations after this step. */
  evaluatedAfter: number;
};

export function curvesOf(
  app: App,
  run: Pick<StoredRun, 'id' | 'lastStep'>,
  { after, evaluatedAfter }: CurvesRequest,
): RunCurves {
  const steps = app.history.metrics.steps(run.id, after + 1);
  const evaluations = app.history.metrics.evaluations(run.id).filter(({ step }) => step > evaluatedAfter);
  return {
    lastStep: run.lastStep,
    train: byColumn(
      steps.map(({ step, loss, stepMs, tokensPerSecond }) => ({
        step,
        values: { loss, step_ms: stepMs, tokens_per_second: tokensPerSecond },
      })),
    ),
    logged: byColumn(steps.flatMap(({ step, logged }) => (logged === undefined ? [] : [{ step, values: logged }]))),
    evaluation: byColumn(evaluations.map(({ step, metrics }) => ({ step, values: metrics }))),
  };
}

/** JSON knows no NaN: what is no number becomes null, as in the history itself. */
function byColumn(rows: readonly { step: number; values: Readonly<Record<string, number | null>> }[]): RowsByColumn {
  const names = new Set(rows.flatMap(({ values }) => Object.keys(values)));
  const cells = (name: string): (number | null)[] =>
    rows.map(({ values }) => {
      const value = values[name] ?? null;
      return Number.isFinite(value) ? value : null;
    });
  return {
    step: rows.map(({ step }) => step),
    columns: Object.fromEntries([...names].map((name) => [name, cells(name)])),
  };
}
