// Smoothing of noisy lines.

/**
 * Exponential moving average, corrected for its start as in Adam (Kingma & Ba 2014, section 3), so that the first value
 * is the line's own. `weight` in [0, 1) is how much of the past is kept per point. Cells that are not numbers are passed
 * over.
 */
export function smooth(values: Float64Array, weight: number): Float64Array {
  if (weight === 0) return values;
  const smoothed = new Float64Array(values.length);
  let average = 0;
  let keptWeight = 1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (Number.isFinite(value)) {
      average = weight * average + (1 - weight) * value;
      keptWeight *= weight;
      smoothed[i] = average / (1 - keptWeight);
    } else {
      smoothed[i] = Number.NaN;
    }
  }
  return smoothed;
}

/**
 * How many points are averaged at `strength` between 0 (none) and 1: a power of the line's length (a half is its root), so
 * that a short run shows its own course and a long one its trend.
 */
export function spanOf(points: number, strength: number): number {
  return Math.max(1, Math.round(Math.max(points, 1) ** strength));
}

/** Smooths over about `span` points. */
export const weightOf = (span: number): number => 1 - 1 / Math.max(span, 1);
