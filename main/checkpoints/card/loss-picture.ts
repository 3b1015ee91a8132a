// The loss curve of a run as a PNG for its model card: raw faint, smoothed strong, evaluations as points, in the
// colours of the window's chart.
import { Canvas, type Point } from './canvas.ts';
import { pngBytes } from './png.ts';
import { textStrokes, textWidth } from './stroke-letters.ts';

export type LossHistory = {
  /** Of every optimizer step, in order. Those that are not finite are left out. */
  losses: readonly { step: number; loss: number }[];
  /** In order; `metrics` by TRL's names. */
  evaluations: readonly { step: number; metrics: Readonly<Record<string, number>> }[];
};

const [width, height] = [1280, 720];
const plot = { left: 128, right: 1240, top: 104, bottom: 624 };
const colors = { accent: '#0E7C86', amber: '#A15C07', line: '#E4E0D8', text: '#1E1D1A', muted: '#67635B' };
const digitHeight = 19;

/** Undefined where there are fewer than two finite losses: a point is no curve. */
export function lossPicture({ losses, evaluations }: LossHistory): Uint8Array | undefined {
  const raw = losses.filter(({ loss }) => Number.isFinite(loss)).map(({ step, loss }): Point => [step, loss]);
  if (raw.length < 2) return undefined;
  const smoothed = smooth(raw);
  const evaluated = evaluations.flatMap(({ step, metrics: { eval_loss: loss } }): Point[] =>
    loss !== undefined && Number.isFinite(loss) ? [[step, loss]] : [],
  );

  const steps = extent([...raw, ...evaluated].map(([step]) => step));
  const heights = lossRange(raw, [...smoothed, ...evaluated]);
  const place = ([step, loss]: Point): Point => [
    plot.left + ((step - steps.min) / (steps.max - steps.min)) * (plot.right - plot.left),
    plot.bottom - Math.min(1, (loss - heights.min) / (heights.max - heights.min)) * (plot.bottom - plot.top),
  ];

  const canvas = new Canvas(width, height);
  drawAxes(canvas, steps, heights, place);
  canvas.stroke([thinned(raw.map(place))], { width: 1.6, color: colors.accent, opacity: 0.35 });
  canvas.stroke([thinned(smoothed.map(place))], { width: 4, color: colors.accent });
  if (evaluated.length > 1) canvas.stroke([evaluated.map(place)], { width: 1.6, color: colors.amber, opacity: 0.5 });
  canvas.stroke(
    evaluated.map((point) => [place(point)]),
    { width: 12, color: colors.amber },
  );
  drawLegend(canvas, evaluated.length > 0);
  return pngBytes(width, height, canvas.pixels);
}

/**
 * Exponential moving average over about a twentieth of the points, corrected for its start as in Adam (Kingma & Ba
 * 2014, section 3): a short run shows its own course, a long one its trend.
 */
function smooth(points: readonly Point[]): Point[] {
  const weight = Math.min(Math.max(1 - 20 / points.length, 0), 0.99);
  let average = 0;
  let keptWeight = 1;
  return points.map(([step, loss]) => {
    average = weight * average + (1 - weight) * loss;
    keptWeight *= weight;
    return [step, average / (1 - keptWeight)];
  });
}

type Range = { min: number; max: number };

function extent(values: readonly number[]): Range {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) [min, max] = [Math.min(min, value), Math.max(max, value)];
  return min === max ? { min: min - 0.5, max: max + 0.5 } : { min, max };
}

/** Room for everything but the highest hundredth of the raw losses: one wild batch must not flatten the curve. */
function lossRange(raw: readonly Point[], others: readonly Point[]): Range {
  const sorted = raw.map(([, loss]) => loss).sort((a, b) => a - b);
  const usual = sorted.slice(0, Math.max(2, Math.ceil(sorted.length * 0.99)));
  const { min, max } = extent([...usual, ...others.map(([, loss]) => loss)]);
  const margin = 0.06 * (max - min);
  return { min: min >= 0 ? Math.max(0, min - margin) : min - margin, max: max + margin };
}

/** At most the lowest and the highest point of each column of pixels, in their order. */
function thinned(points: readonly Point[]): Point[] {
  if (points.length <= 2 * (plot.right - plot.left)) return [...points];
  const columns = new Map<number, { low: Point; high: Point }>();
  for (const point of points) {
    const column = columns.get(Math.floor(point[0]));
    if (column === undefined) columns.set(Math.floor(point[0]), { low: point, high: point });
    else if (point[1] < column.low[1]) column.low = point;
    else if (point[1] > column.high[1]) column.high = point;
  }
  return [...columns.values()].flatMap(({ low, high }) => (low[0] <= high[0] ? [low, high] : [high, low]));
}

function drawAxes(canvas: Canvas, steps: Range, heights: Range, place: (point: Point) => Point): void {
  const write = (text: string, at: Point, color = colors.muted): void => {
    canvas.stroke(textStrokes(text, at, digitHeight), { width: 2.1, color });
  };
  for (const loss of ticks(heights, 6)) {
    const [, y] = place([steps.min, loss]);
    canvas.stroke(
      [
        [
          [plot.left, y],
          [plot.right, y],
        ],
      ],
      { width: 1.4, color: colors.line },
    );
    const text = tickText(loss, heights);
    write(text, [plot.left - 18 - textWidth(text, digitHeight), y + digitHeight / 2]);
  }
  for (const step of ticks(steps, 8).filter(Number.isInteger)) {
    const [x] = place([step, heights.min]);
    canvas.stroke(
      [
        [
          [x, plot.bottom],
          [x, plot.bottom + 8],
        ],
      ],
      { width: 1.4, color: colors.muted },
    );
    const text = stepText(step);
    write(text, [x - textWidth(text, digitHeight) / 2, plot.bottom + 20 + digitHeight]);
  }
  canvas.stroke(
    [
      [
        [plot.left, plot.bottom],
        [plot.right, plot.bottom],
      ],
    ],
    { width: 1.6, color: colors.muted },
  );
  const middle = (plot.left + plot.right - textWidth('step', digitHeight)) / 2;
  write('step', [middle, plot.bottom + 72], colors.text);
}

function drawLegend(canvas: Canvas, withEvaluations: boolean): void {
  const y = plot.top - 44 - digitHeight / 2;
  let x = plot.left;
  const entry = (text: string, draw: (from: Point, to: Point) => void): void => {
    draw([x, y], [x + 36, y]);
    canvas.stroke(textStrokes(text, [x + 52, y + digitHeight / 2], digitHeight), { width: 2.1, color: colors.text });
    x += 52 + textWidth(text, digitHeight) + 44;
  };
  entry('training loss', (from, to) => {
    canvas.stroke([[from, to]], { width: 1.6, color: colors.accent, opacity: 0.45 });
  });
  entry('smoothed', (from, to) => {
    canvas.stroke([[from, to]], { width: 4, color: colors.accent });
  });
  if (withEvaluations)
    entry('evaluation', ([fromX], [toX]) => {
      canvas.stroke([[[(fromX + toX) / 2, y]]], { width: 12, color: colors.amber });
    });
}

/** Distance of round numbers (1, 2 or 5 times a power of ten) of which at most `most` fit. */
function tickDistance({ min, max }: Range, most: number): number {
  const rough = (max - min) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
}

function ticks(range: Range, most: number): number[] {
  const distance = tickDistance(range, most);
  const [first, last] = [Math.ceil(range.min / distance - 1e-9), Math.floor(range.max / distance + 1e-9)];
  // Dividing by what is whole keeps 0.3 from becoming 0.30000000000000004.
  const perUnit = Math.round(1 / distance);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
    distance < 1 ? (first + i) / perUnit : (first + i) * distance,
  );
}

function tickText(loss: number, range: Range): string {
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(tickDistance(range, 6)) + 1e-9)));
  return loss.toFixed(digits);
}

function stepText(step: number): string {
  if (step >= 1e6 && step % 1e5 === 0) return `${step / 1e6}M`;
  return step >= 1e4 && step % 100 === 0 ? `${step / 1000}k` : String(step);
}
