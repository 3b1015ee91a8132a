// Draws lines with uPlot, thinned to the width at hand and at most once per frame of the screen.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { valueText } from '../ui/wording.ts';
import { increments, placeText } from './axis-text.ts';
import type { XAxis } from './curves.ts';
import type { Line, Marks } from './line.ts';
import { drawMarks } from './marks.ts';
import { align, thin, type Range } from './thin.ts';

export type Drawing = { lines: readonly Line[]; range: Range; marks: Marks };

export type Plot = {
  /** Shows this with the next frame. The lines are those the plot was made for, with other points. */
  draw(drawing: Drawing): void;
  /** Puts the crosshair where another chart has it. */
  moveCursor(place: number | null): void;
  /** What is on the screen, for a picture. */
  canvas(): HTMLCanvasElement;
  /** Resolves a CSS variable, as a canvas needs it. */
  color: (variable: string) => string;
  destroy(): void;
};

export type PlotOptions = {
  height: number;
  lines: readonly Pick<Line, 'label' | 'color' | 'look' | 'dash'>[];
  axis: XAxis;
  log: boolean;
  /** The pointer is at this place of the axis, null when it leaves. */
  onCursor: (place: number | null) => void;
  /** A part was dragged over. */
  onZoom: (range: Range) => void;
};

export function createPlot(host: HTMLElement, options: PlotOptions): Plot {
  // Of its own, so that nothing of a plot leads to the rest of the page once it is destroyed.
  const place = host.appendChild(document.createElement('div'));
  const color = colorsOf(place);
  const font = `11px ${getComputedStyle(place).fontFamily}`;
  const axis = { stroke: color('--muted'), font, ticks: { show: false }, gap: 8 };
  let pending: Drawing | undefined;
  let shown: Drawing | undefined;
  let frame = 0;
  let crosshair: number | null = null;

  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: options.height,
      padding: [12, 12, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false }, y: false },
      scales: {
        x: { time: false },
        y: { ...(options.log && logarithmic), range: options.log ? rangeOfLog : rangeOfLinear },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 32,
          incrs: increments[options.axis],
          values: (_plot, places) => places.map((one) => placeText(one, options.axis)),
        },
        {
          ...axis,
          grid: { stroke: color('--line'), width: 1 },
          size: 56,
          // A log axis leaves some of its lines without a number.
          values: (_plot, values: (number | null)[]) => values.map((value) => (value === null ? '' : valueText(value))),
        },
      ],
      series: [{}, ...options.lines.map((line) => seriesOf(line, color))],
      hooks: {
        setSelect: [
          (u) => {
            if (u.select.width < 4) return;
            const [min, max] = [u.select.left, u.select.left + u.select.width].map((left) => u.posToVal(left, 'x'));
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            if (min !== undefined && max !== undefined) options.onZoom({ min, max });
          },
        ],
        draw: [(u) => shown && drawMarks(u, shown.marks, { color, font })],
      },
    },
    [[], ...options.lines.map(() => [])],
    place,
  );

  function show(): void {
    frame = 0;
    if (!pending) return;
    shown = pending;
    const { lines, range } = shown;
    const keep = options.log ? (value: number): boolean => value > 0 : undefined;
    const data = align(lines.map((line) => thin(line, range, plot.bbox.width || place.clientWidth, keep)));
    plot.batch(() => {
      plot.setData(data, false);
      plot.setScale('x', range.max > range.min ? range : { min: range.min - 0.5, max: range.min + 0.5 });
    });
    showCrosshair();
  }

  // Not uPlot's own hook: it speaks also when data come, and then for charts that the pointer is not at.
  plot.over.addEventListener('pointermove', (event) => {
    const left = event.clientX - plot.over.getBoundingClientRect().left;
    options.onCursor(Math.min(Math.max(plot.posToVal(left, 'x'), shown?.range.min ?? 0), shown?.range.max ?? 0));
  });
  plot.over.addEventListener('pointerleave', () => options.onCursor(null));

  function showCrosshair(): void {
    const left = crosshair === null || !shown ? -10 : plot.valToPos(crosshair, 'x');
    if (Math.abs((plot.cursor.left ?? -10) - left) < 0.5) return;
    plot.setCursor({ left, top: left < 0 ? -10 : 0 }, false);
  }

  const resizing = new ResizeObserver(() => {
    if (place.clientWidth === 0 || place.clientWidth === plot.width) return;
    plot.setSize({ width: place.clientWidth, height: options.height });
    if (pending) frame ||= requestAnimationFrame(show);
  });
  resizing.observe(place);

  return {
    draw(drawing) {
      pending = drawing;
      frame ||= requestAnimationFrame(show);
    },
    moveCursor(at) {
      crosshair = at;
      showCrosshair();
    },
    canvas: () => plot.ctx.canvas,
    color,
    destroy() {
      cancelAnimationFrame(frame);
      resizing.disconnect();
      plot.destroy();
      place.remove();
      // V8 keeps one of the plots that it compiled uPlot with, for good, and what that can reach: no screen, no run.
      shown = pending = undefined;
      options = { ...options, lines: [], onCursor: () => undefined, onZoom: () => undefined };
    },
  };
}

function seriesOf({ label, color: variable, look, dash }: PlotOptions['lines'][number], color: ColorOf): uPlot.Series {
  const line = { label, spanGaps: true, points: { show: false }, ...(dash && { dash }) };
  if (look === 'faint') return { ...line, stroke: color(variable, 0.3), width: 1 };
  if (look === 'strong') return { ...line, stroke: color(variable), width: 2 };
  return {
    ...line,
    stroke: color(variable),
    width: 1.5,
    points: { show: true, size: 7, fill: color(variable), width: 0 },
  };
}

/** uPlot's word for it; its enum has no value at run time. */
const three: unknown = 3;
const logarithmic = { distr: three as uPlot.Scale.Distr };

/** Room above and below; a flat line in the middle. */
function rangeOfLinear(_plot: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax {
  if (min === null || max === null) return [0, 1];
  const span = max - min;
  const isFlat = span <= 1e-9 * Math.abs(max); // but for rounding
  const room = isFlat ? Math.abs(max) || 1 : 0.06 * span;
  // What cannot be negative is not shown as if it could.
  return [min >= 0 && min - room < 0 ? 0 : min - room, max + room];
}

function rangeOfLog(_plot: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax {
  if (min === null || max === null || min <= 0) return [0.1, 1];
  return [min / 1.15, Math.max(max * 1.15, min * 1.5)];
}

type ColorOf = (variable: string, opacity?: number) => string;

/** A canvas knows no CSS variables: let the browser resolve them on an element and read what came out. */
function colorsOf(host: HTMLElement): ColorOf {
  return (variable, opacity = 1) => {
    const probe = document.createElement('span');
    probe.style.color = `color-mix(in srgb, var(${variable}) ${String(opacity * 100)}%, transparent)`;
    host.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
}
