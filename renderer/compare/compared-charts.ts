// The charts that several runs share: one metric each, one line a run.
import { chartsFor, metricsOf, pointsOf, type Drawn } from '../charts/chart-table.ts';
import type { Curves, XAxis } from '../charts/curves.ts';
import type { Line } from '../charts/line.ts';
import { smooth, spanOf, weightOf } from '../charts/smooth.ts';
import type { Range } from '../charts/thin.ts';
import type { RunLook } from './run-looks.ts';

export type ComparedChart = { metric: string; title: string; canLog: boolean; exact: boolean };
export type ComparedCurves = { label: string; look: RunLook; curves: Curves };

/** Loss, evaluation loss, then whatever at least two of the runs have measured. */
export function comparedCharts(runs: readonly Curves[]): ComparedChart[] {
  const counts = new Map<string, number>();
  for (const metric of runs.flatMap(metricsOf)) counts.set(metric, (counts.get(metric) ?? 0) + 1);
  const shared = [...counts]
    .filter(([metric, count]) => count > 1 || metric.endsWith('loss'))
    .map(([metric]) => metric);
  const charts = chartsFor(shared).flatMap(({ title, canLog = false, exact = false, quantities }) =>
    quantities.map(({ metric, label }) => {
      const full = quantities.length > 1 ? `${title}, ${label.toLowerCase()}` : title;
      return { metric, title: full, canLog, exact };
    }),
  );
  const all = charts
    .flatMap((chart) => [chart, { ...chart, metric: `eval_${chart.metric}`, title: `${chart.title}, evaluated` }])
    .filter(({ metric }) => shared.includes(metric));
  const rank = ({ metric }: ComparedChart): number => (metric === 'loss' ? 0 : metric === 'eval_loss' ? 1 : 2);
  return all.sort((a, b) => rank(a) - rank(b));
}

export function comparedLines(
  runs: readonly ComparedCurves[],
  { metric, exact }: ComparedChart,
  { axis, smoothing }: Drawn,
): Line[] {
  const drawn = runs.flatMap(({ label, look, curves }) => {
    const points = pointsOf(curves, metric, axis);
    return points === undefined ? [] : [{ ...points, ...look, label }];
  });
  const isEvaluation = metric.startsWith('eval_');
  // The same for all of them: otherwise a long run would lag behind a short one that fell just as fast.
  const span = exact || isEvaluation ? 1 : spanOf(Math.max(...drawn.map(({ y }) => y.length)), smoothing);
  return drawn.map((line) => ({
    ...line,
    y: smooth(line.y, weightOf(span)),
    look: isEvaluation ? 'points' : 'strong',
  }));
}

/** From the beginning to where the longest of them ends. */
export function comparedExtent(runs: readonly Curves[], axis: XAxis): Range {
  const ends = runs.map((curves) => curves.placesOf(Float64Array.of(curves.lastStep), axis)[0] ?? 0);
  return { min: 0, max: Math.max(...ends, 0) || 1 };
}
