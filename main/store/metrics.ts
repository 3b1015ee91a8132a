// Metrics of a run: one row per optimizer step and one per evaluation.
import type { Database } from 'better-sqlite3';
import type { Metrics } from '../../preload/contract.ts';

/** One optimizer step. `loss` is NaN where it was not a number. */
export type StoredStep = {
  step: number;
  recordedAt: number;
  loss: number;
  stepMs: number;
  tokensPerSecond: number;
  /** Present on steps that logging_steps selects; TRL's names. */
  logged?: Metrics;
};

export type StoredEvaluation = { step: number; recordedAt: number; metrics: Metrics };

type StepColumns = {
  step: number;
  recorded_at: number;
  loss: number | null;
  step_ms: number;
  tokens_per_second: number;
  logged: string | null;
};

/** Statements on the metrics of runs. A step recorded twice (after a resume) keeps the later values. */
export function metricTable(database: Database) {
  const insert = database.prepare(`
    insert or replace into metrics (run_id, kind, step, recorded_at, loss, step_ms, tokens_per_second, logged)
    values (@runId, @kind, @step, @recordedAt, @loss, @stepMs, @tokensPerSecond, @logged)`);
  const steps = database.prepare<[string, number], StepColumns>(
    `select step, recorded_at, loss, step_ms, tokens_per_second, logged from metrics
     where run_id = ? and kind = 'train' and step >= ? order by step`,
  );
  const evaluations = database.prepare<[string], StepColumns>(
    `select step, recorded_at, logged from metrics where run_id = ? and kind = 'eval' order by step`,
  );
  const lossFrom = database
    .prepare<[string, number], number>(
      `select loss from metrics where run_id = ? and kind = 'train' and step >= ? and loss is not null
       order by step limit 1`,
    )
    .pluck();
  const lastRecordedAt = database
    .prepare<[string], number>(
      `select recorded_at from metrics where run_id = ? and kind = 'train' order by step desc limit 1`,
    )
    .pluck();
  const pace = database.prepare<[string, number], { stepMs: number | null; tokensPerSecond: number | null }>(
    `select avg(step_ms) as stepMs, avg(tokens_per_second) as tokensPerSecond from
       (select step_ms, tokens_per_second from metrics where run_id = ? and kind = 'train' order by step desc limit ?)`,
  );
  const lowestEvalLoss = database
    .prepare<[string], number | null>("select min(loss) from metrics where run_id = ? and kind = 'eval'")
    .pluck();
  const copy = database.prepare(
    `insert into metrics (run_id, kind, step, recorded_at, loss, step_ms, tokens_per_second, logged)
     select @to, kind, step, recorded_at, loss, step_ms, tokens_per_second, logged from metrics
     where run_id = @from and step <= @step`,
  );
  const removeAfter = database.prepare('delete from metrics where run_id = ? and step > ?');

  return {
    addStep(runId: string, step: StoredStep): void {
      const logged = step.logged && JSON.stringify(step.logged);
      // SQLite keeps NaN as null.
      insert.run({ ...step, runId, kind: 'train', logged: logged ?? null });
    },
    addEvaluation(runId: string, { step, recordedAt, metrics }: StoredEvaluation): void {
      const loss = metrics.eval_loss ?? null;
      insert.run({
        runId,
        kind: 'eval',
        step,
        recordedAt,
        loss,
        stepMs: null,
        tokensPerSecond: null,
        logged: JSON.stringify(metrics),
      });
    },
    /** Steps from `fromStep` on, in order. */
    steps(runId: string, fromStep = 0): StoredStep[] {
      return steps.all(runId, fromStep).map((row) => ({
        step: row.step,
        recordedAt: row.recorded_at,
        loss: row.loss ?? Number.NaN,
        stepMs: row.step_ms,
        tokensPerSecond: row.tokens_per_second,
        ...(row.logged !== null && { logged: JSON.parse(row.logged) as Metrics }),
      }));
    },
    /** Evaluations in order of steps. */
    evaluations(runId: string): StoredEvaluation[] {
      return evaluations.all(runId).map((row) => ({
        step: row.step,
        recordedAt: row.recorded_at,
        metrics: JSON.parse(row.logged ?? '{}') as Metrics,
      }));
    },
    /** At most `points` losses, evenly spread over the first `lastStep` steps. */
    lossTrend(runId: string, lastStep: number, points: number): number[] {
      const count = Math.min(points, lastStep);
      const losses = Array.from({ length: count }, (_, i) =>
        lossFrom.get(runId, Math.ceil(((i + 1) * lastStep) / count)),
      );
      return losses.filter((loss) => loss !== undefined);
    },
    /** When the last step was recorded. */
    lastRecordedAt: (runId: string): number | undefined => lastRecordedAt.get(runId),
    /** Mean over the last `steps` steps; undefined before the first. */
    pace(runId: string, steps: number): { stepMs: number; tokensPerSecond: number } | undefined {
      const { stepMs, tokensPerSecond } = pace.get(runId, steps) ?? {};
      return stepMs == null || tokensPerSecond == null ? undefined : { stepMs, tokensPerSecond };
    },
    /** Lowest eval_loss; undefined before the first evaluation. */
    lowestEvalLoss: (runId: string): number | undefined => lowestEvalLoss.get(runId) ?? undefined,
    /** Gives a run what another one measured until `step`. */
    copy(from: string, to: string, step: number): void {
      copy.run({ from, to, step });
    },
    /** Forgets what lies after `step`: a run resumed there computes it again. */
    removeAfter(runId: string, step: number): void {
      removeAfter.run(runId, step);
    },
  };
}
