// The charts of a run: which metrics go together, what they are called, in which order they come. Metrics that no line
// here knows get charts of their own.
import type { Curves, XAxis } from './curves.ts';
import type { Line } from './line.ts';
import { smooth, spanOf, weightOf } from './smooth.ts';

export type ChartKind = {
  id: string;
  title: string;
  /** TRL's name. */
  code?: string;
  /** Whether a log scale says more: values above zero that fall by orders of magnitude. */
  canLog?: boolean;
  /** Drawn as measured: a schedule has no noise. */
  exact?: boolean;
  quantities: readonly Quantity[];
};

type Quantity = { label: string; metric: string; color: string; dash?: number[] };

const teal = '--accent';
const one = (id: string, title: string, rest: Partial<ChartKind> = {}): ChartKind => ({
  id,
  title,
  code: id,
  quantities: [{ label: title, metric: id, color: teal }],
  ...rest,
});
/** The two answers of a pair: the better one strong, the other one grey and dashed. */
const pair = (id: string, title: string): ChartKind => ({
  id,
  title,
  code: `${id}/…`,
  quantities: [
    { label: 'Chosen', metric: `${id}/chosen`, color: teal },
    { label: 'Rejected', metric: `${id}/rejected`, color: '--muted', dash: [5, 3] },
  ],
});

const margin = one('rewards/margins', 'Reward margin');
const loss = one('loss', 'Loss', { canLog: true });

const kinds: readonly ChartKind[] = [
  margin,
  loss,
  pair('rewards', 'Rewards'),
  one('rewards/accuracies', 'Chosen ahead of rejected'),
  pair('logps', 'Log-probabilities'),
  one('mean_token_accuracy', 'Token accuracy'),
  one('entropy', 'Entropy'),
  one('learning_rate', 'Learning rate', { exact: true }),
  one('grad_norm', 'Gradient norm', { canLog: true }),
  one('tokens_per_second', 'Tokens per second'),
  {
    id: 'gpu_memory_usage_megabytes',
    title: 'GPU memory in MB',
    code: 'gpu_memory_usage_megabytes',
    exact: true,
    quantities: [
      { label: 'In use', metric: 'gpu_memory_usage_megabytes', color: teal },
      { label: 'Peak', metric: 'gpu_memory_peak_megabytes', color: '--muted', dash: [5, 3] },
    ],
  },
  one('gpu_utilization_percentage', 'GPU busy, %'),
];

/** Counters, clocks and peaks: they are axes, or said elsewhere. */
const noChart =
  /^(step|epoch|seconds|step_ms|num_tokens|total_flos|process_memory_peak_megabytes|.*runtime|.*per_second)$/;
const known = new Set(kinds.flatMap(({ quantities }) => quantities.map(({ metric }) => metric)));

/** The charts that these metrics call for, the most telling one first. */
export function chartsFor(metrics: Iterable<string>): ChartKind[] {
  const there = new Set([...metrics].map((name) => name.replace(/^eval_/, '')));
  const others = [...there].filter((name) => !known.has(name) && !noChart.test(name)).sort();
  const paired = others.filter((name) => name.endsWith('/chosen') && there.has(name.replace(/chosen$/, 'rejected')));
  const stems = paired.map((name) => name.slice(0, -'/chosen'.length));
  const single = others.filter(
    (name) => !stems.some((stem) => name === `${stem}/chosen` || name === `${stem}/rejected`),
  );
  return [
    ...kinds.filter(({ id, quantities }) => id === 'loss' || quantities.some(({ metric }) => there.has(metric))),
    ...stems.map((stem) => pair(stem, stem)),
    ...single.map((name) => one(name, name)),
  ].map((kind) => (kind.title === kind.code ? { ...kind, title: capitalised(kind.title) } : kind));
}

const capitalised = (name: string): string => {
  const words = name.replaceAll(/[_/]/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** All metrics that a run has measured. */
export function metricsOf({ train, logged, evaluation }: Curves): string[] {
  return [...new Set([...train.names, ...logged.names, ...evaluation.names])];
}

export type Drawn = { axis: XAxis; smoothing: number };

/** The points of one metric, NaN where it was not logged; undefined where it never was. */
export function pointsOf(curves: Curves, metric: string, axis: XAxis): Pick<Line, 'x' | 'y'> | undefined {
  // What was logged under "loss" is a mean over logging_steps; each step's own says more.
  const table = [curves.train, curves.logged, curves.evaluation].find((one) => one.has(metric) && one.length > 0);
  return table && { x: curves.placesOf(table.column('step'), axis), y: table.column(metric) };
}

/** The lines of a chart: as measured faint, smoothed strong, evaluations as amber points. */
export function linesOf(curves: Curves, { quantities, exact = false }: ChartKind, { axis, smoothing }: Drawn): Line[] {
  const isPair = quantities.length > 1;
  return quantities.flatMap(({ label, metric, color, dash }): Line[] => {
    const measured = pointsOf(curves, metric, axis);
    const evaluated = pointsOf(curves, `eval_${metric}`, axis);
    const span = measured && !exact ? spanOf(measured.y.length, smoothing) : 1;
    const strong = { color, ...(dash && { dash }) };
    const lines: Line[] = [];
    if (measured && span === 1) lines.push({ ...measured, ...strong, label, look: 'strong' });
    if (measured && span > 1) {
      const y = smooth(measured.y, weightOf(span));
      lines.push({
        ...measured,
        color,
        label: isPair ? `${label}, each step` : 'Each step',
        look: 'faint',
        unnamed: isPair,
      });
      lines.push({ x: measured.x, y, ...strong, label: isPair ? label : 'Smoothed', look: 'strong' });
    }
    if (evaluated)
      lines.push({
        ...evaluated,
        color: '--amber',
        ...(dash && { dash }),
        label: isPair ? `${label}, evaluated` : 'Evaluation',
        look: 'points',
      });
    return lines;
  });
}

/** The best evaluation so far by a metric such as eval_loss, null before the first. */
export function bestEvaluation(
  curves: Curves,
  metric: string,
  greaterIsBetter: boolean,
): { step: number; value: number } | null {
  const steps = curves.evaluation.column('step');
  let best: { step: number; value: number } | null = null;
  curves.evaluation.column(metric).forEach((value, i) => {
    const step = steps[i] ?? 0;
    // An equal one later is no better: as the run itself counts.
    if (Number.isFinite(value) && (best === null || (greaterIsBetter ? value > best.value : value < best.value)))
      best = { step, value };
  });
  return best;
}
