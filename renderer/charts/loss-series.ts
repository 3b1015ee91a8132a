// From a run's history to the lines of its loss chart. Drawing is LossChart's.
import type { RunDetail } from '../../preload/contract.ts';

/** Columns over one ascending list of steps; null where a line has no value. */
export type LossSeries = {
  steps: number[];
  loss: (number | null)[];
  smoothed: (number | null)[];
  evaluation: (number | null)[];
};

export function lossSeries({ losses, metrics }: Pick<RunDetail, 'losses' | 'metrics'>): LossSeries {
  const loss = new Map(losses.map((point) => [point.step, point.loss]));
  const evaluation = new Map(
    metrics.flatMap(({ step, values }) => (values.eval_loss === undefined ? [] : [[step, values.eval_loss] as const])),
  );
  const steps = [...new Set([...loss.keys(), ...evaluation.keys()])].sort((a, b) => a - b);
  const raw = steps.map((step) => loss.get(step) ?? null);
  return {
    steps,
    loss: raw,
    smoothed: smooth(raw, smoothingFor(raw.length)),
    evaluation: steps.map((step) => evaluation.get(step) ?? null),
  };
}

/** The average spans about a twentieth of the points: a short run shows its own course, a long one its trend. */
function smoothingFor(points: number): number {
  return Math.min(Math.max(1 - 20 / points, 0), 0.95);
}

/**
 * Exponential moving average, corrected for its start as in Adam (Kingma & Ba 2014, section 3), so that the first
 * value is the series' own. `weight` in [0, 1) is how much of the past is kept per point.
 */
export function smooth(values: (number | null)[], weight: number): (number | null)[] {
  let average = 0;
  let keptWeight = 1;
  return values.map((value) => {
    if (value === null) return null;
    average = weight * average + (1 - weight) * value;
    keptWeight *= weight;
    return average / (1 - keptWeight);
  });
}
