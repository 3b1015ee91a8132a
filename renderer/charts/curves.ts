// All that a run has measured, as columns that grow while it trains. What is drawn of it is chart-table.ts's affair.
import type { JobRecord, Metrics, RowsByColumn, RunCurves } from '../../preload/contract.ts';
import { Columns, firstAtLeast } from './columns.ts';

export type XAxis = 'step' | 'tokens' | 'time';

/** One optimizer step. Times are left out where they are unknown. */
export type StepRow = { step: number; loss: number; stepMs?: number; tokensPerSecond?: number; metrics?: Metrics };

export class Curves {
  /** Every optimizer step: step, loss, step_ms, tokens_per_second, and seconds (trained until its end, pauses left out). */
  readonly train = new Columns();
  /** The steps that were logged: step, and metrics by TRL's names. */
  readonly logged = new Columns();
  /** Evaluations: step, and metrics with their prefix eval_. */
  readonly evaluation = new Columns();
  #seconds = 0;

  get lastStep(): number {
    return this.train.column('step').at(-1) ?? 0;
  }

  /** Adds the next step. One that is there already, told twice, changes nothing. */
  addStep({ step, loss, stepMs, tokensPerSecond, metrics }: StepRow): void {
    if (step <= this.lastStep) return;
    const row: Record<string, number> = { step, loss };
    if (stepMs !== undefined) {
      this.#seconds += stepMs / 1000;
      row.step_ms = stepMs;
      row.seconds = this.#seconds;
    }
    if (tokensPerSecond !== undefined) row.tokens_per_second = tokensPerSecond;
    this.train.append(row);
    if (metrics !== undefined) this.logged.append({ ...metrics, step });
  }

  addEvaluation(step: number, metrics: Metrics): void {
    const steps = this.evaluation.column('step');
    if (step <= (steps.at(-1) ?? 0)) this.evaluation.truncate(firstAtLeast(steps, step));
    this.evaluation.append({ ...metrics, step });
  }

  /** Adds what the history has. */
  addRows({ train, logged, evaluation }: Pick<RunCurves, 'train' | 'logged' | 'evaluation'>): void {
    const loggedAt = new Map(logged.step.map((step, i) => [step, i]));
    train.step.forEach((step, i) => {
      const at = loggedAt.get(step);
      this.addStep({
        step,
        loss: train.columns.loss?.[i] ?? Number.NaN,
        ...optional('stepMs', train.columns.step_ms?.[i]),
        ...optional('tokensPerSecond', train.columns.tokens_per_second?.[i]),
        ...(at !== undefined && { metrics: rowOf(logged, at) }),
      });
    });
    evaluation.step.forEach((step, i) => this.addEvaluation(step, rowOf(evaluation, i)));
  }

  /** Takes over what the job of the run says. Returns whether it meant a change. */
  addRecord(record: JobRecord): boolean {
    if (record.type === 'step') this.addStep(record);
    else if (record.type === 'evaluation') this.addEvaluation(record.step, record.metrics);
    else if (record.type === 'start') this.keepUpTo(record.startStep);
    else return false;
    return true;
  }

  /** Forgets what lies after `step`: a run resumed there computes it again. */
  keepUpTo(step: number): void {
    for (const table of [this.train, this.logged, this.evaluation])
      table.truncate(firstAtLeast(table.column('step'), step + 1));
    const seconds = this.train.column('seconds');
    this.#seconds = seconds.at(-1) ?? 0;
  }

  /** Whether lines can be drawn along this axis. */
  hasAxis(axis: XAxis): boolean {
    return this.#reference(axis) !== null;
  }

  /** Where `steps` (ascending) lie on an axis; between two known places by proportion. */
  placesOf(steps: Float64Array, axis: XAxis): Float64Array {
    const reference = this.#reference(axis);
    if (reference === null || axis === 'step') return steps;
    return interpolate(steps, reference.steps, reference.values);
  }

  #reference(axis: XAxis): { steps: Float64Array; values: Float64Array } | null {
    if (axis === 'step') return { steps: new Float64Array(0), values: new Float64Array(0) };
    const [table, name] = axis === 'time' ? [this.train, 'seconds'] : [this.logged, 'num_tokens'];
    return table.has(name) && table.length > 0 ? { steps: table.column('step'), values: table.column(name) } : null;
  }
}

const optional = <Name extends string>(name: Name, value: number | null | undefined): { [N in Name]?: number } =>
  value === null || value === undefined ? {} : ({ [name]: value } as { [N in Name]?: number });

function rowOf({ columns }: RowsByColumn, i: number): Metrics {
  const row: Metrics = {};
  for (const name in columns) {
    const value = columns[name]?.[i];
    if (value !== null && value !== undefined) row[name] = value;
  }
  return row;
}

/** Values at `at` of a line through (x, y) that begins at the origin and runs on at its end. All ascending. */
function interpolate(at: Float64Array, x: Float64Array, y: Float64Array): Float64Array {
  const result = new Float64Array(at.length);
  let place = 0;
  for (let i = 0; i < at.length; i++) {
    const wanted = at[i] ?? 0;
    while (place < x.length - 1 && (x[place] ?? 0) < wanted) place += 1;
    const [toX, toY] = [x[place] ?? 0, y[place] ?? 0];
    const [fromX, fromY] = place === 0 ? [0, 0] : [x[place - 1] ?? 0, y[place - 1] ?? 0];
    result[i] = toX === fromX ? toY : fromY + ((wanted - fromX) / (toX - fromX)) * (toY - fromY);
  }
  return result;
}
