// How runs ended, side by side: the last value of each metric, and whose is the best where better means something.
import { chartsFor, metricsOf } from '../charts/chart-table.ts';
import type { Curves } from '../charts/curves.ts';

export type FinalRow = {
  metric: string;
  title: string;
  values: (number | undefined)[];
  /** Places of the best values; none where all are equal or no direction is better. */
  best: number[];
};

const lowerIsBetter = /(^|_|\/)(loss|nll_loss|perplexity|memory_\w+_megabytes)$/;
const higherIsBetter = /accurac(y|ies)$|margins$|tokens_per_second$/;

export function finalMetrics(runs: readonly Curves[]): FinalRow[] {
  const metrics = new Set(runs.flatMap(metricsOf));
  const rows = chartsFor(metrics)
    .flatMap(({ title, quantities }) =>
      quantities.map(({ label, metric }) => ({
        metric,
        title: quantities.length > 1 ? `${title}, ${label.toLowerCase()}` : title,
      })),
    )
    .flatMap(({ metric, title }) => [
      { metric: `eval_${metric}`, title: `${title}, evaluated` },
      { metric, title },
    ])
    .filter(({ metric }) => metrics.has(metric))
    .map((row) =>
      withBest(
        row,
        runs.map((curves) => lastOf(curves, row.metric)),
      ),
    );
  const [evaluated, trained] = [rows.filter(isEvaluation), rows.filter((row) => !isEvaluation(row))];
  const least = metrics.has('eval_loss')
    ? [
        withBest(
          { metric: 'eval_loss', title: 'Lowest loss, evaluated' },
          runs.map((curves) => leastOf(curves.evaluation.column('eval_loss'))),
        ),
      ]
    : [];
  const counts = [
    withBest(
      { metric: 'step', title: 'Steps' },
      runs.map((curves) => curves.lastStep),
    ),
    withBest(
      { metric: 'num_tokens', title: 'Tokens seen' },
      runs.map((curves) => lastOf(curves, 'num_tokens')),
    ),
    withBest(
      { metric: 'seconds', title: 'Seconds trained' },
      runs.map((curves) => lastOf(curves, 'seconds')),
    ),
    withBest(
      { metric: 'process_memory_peak_megabytes', title: 'Peak memory, MB' },
      runs.map((curves) => lastOf(curves, 'process_memory_peak_megabytes')),
    ),
  ];
  return [
    ...least,
    ...evaluated,
    ...trained,
    ...counts.filter(({ values }) => values.some((value) => value !== undefined)),
  ];
}

const isEvaluation = ({ metric }: { metric: string }): boolean => metric.startsWith('eval_');

function withBest(row: Pick<FinalRow, 'metric' | 'title'>, values: (number | undefined)[]): FinalRow {
  const known = values.filter((value) => value !== undefined);
  const goal = lowerIsBetter.test(row.metric)
    ? Math.min(...known)
    : higherIsBetter.test(row.metric)
      ? Math.max(...known)
      : undefined;
  const places = values.flatMap((value, i) => (value !== undefined && value === goal ? [i] : []));
  return { ...row, values, best: places.length < known.length ? places : [] };
}

/** The value that was measured last: what was logged is a mean over logging_steps, steadier than a step. */
function lastOf({ train, logged, evaluation }: Curves, metric: string): number | undefined {
  const table = [logged, train, evaluation].find((one) => one.has(metric));
  return table?.column(metric).findLast(Number.isFinite);
}

function leastOf(column: Float64Array): number | undefined {
  const known = column.filter(Number.isFinite);
  return known.length === 0 ? undefined : known.reduce((least, value) => Math.min(least, value));
}
