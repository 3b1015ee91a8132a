// Draws a run's loss with uPlot: raw faint, smoothed strong, evaluation in amber, checkpoints as diamonds on the axis.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { LossSeries } from './loss-series.ts';

export type LossPlot = {
  update(series: LossSeries, checkpointSteps: number[]): void;
  destroy(): void;
};

/** `onCursor` gets the index into the series that the pointer is at, null when it leaves. */
export function createLossPlot(host: HTMLElement, height: number, onCursor: (index: number | null) => void): LossPlot {
  const color = colorsOf(host);
  const font = `11px ${getComputedStyle(host).fontFamily}`;
  let checkpoints: number[] = [];

  const axis = { stroke: color('--muted'), font, ticks: { show: false }, gap: 8 };
  const plot = new uPlot(
    {
      width: host.clientWidth,
      height,
      padding: [12, 12, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: true, y: false }, points: { size: 6 }, y: false },
      scales: { x: { time: false } },
      axes: [
        { ...axis, grid: { show: false }, size: 32, incrs: wholeNumbers },
        { ...axis, grid: { stroke: color('--line'), width: 1 }, size: 48 },
      ],
      series: [
        { label: 'Step' },
        { label: 'Loss', stroke: color('--accent', 0.35), width: 1, spanGaps: true, points: { show: false } },
        { label: 'Smoothed', stroke: color('--accent'), width: 2, spanGaps: true, points: { show: false } },
        {
          label: 'Evaluation',
          stroke: color('--amber'),
          width: 1.5,
          spanGaps: true,
          points: { show: true, size: 7, fill: color('--amber') },
        },
      ],
      hooks: {
        setCursor: [(u) => onCursor(u.cursor.idx ?? null)],
        draw: [(u) => drawDiamonds(u, checkpoints, color('--text'))],
      },
    },
    [[], [], [], []],
    host,
  );

  const resizing = new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height }));
  resizing.observe(host);

  return {
    update(series, checkpointSteps) {
      checkpoints = checkpointSteps;
      plot.setData([series.steps, series.loss, series.smoothed, series.evaluation]);
    },
    destroy() {
      resizing.disconnect();
      plot.destroy();
    },
  };
}

/** Steps are whole: the axis counts in 1, 2, 5, 10, 20, 50 … */
const wholeNumbers = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

function drawDiamonds(plot: uPlot, steps: number[], fill: string): void {
  const { ctx, bbox } = plot;
  const radius = 4 * devicePixelRatio;
  const y = bbox.top + bbox.height;
  ctx.save();
  ctx.fillStyle = fill;
  for (const step of steps) {
    const x = plot.valToPos(step, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, y - radius);
    ctx.lineTo(x + radius, y);
    ctx.lineTo(x, y + radius);
    ctx.lineTo(x - radius, y);
    ctx.fill();
  }
  ctx.restore();
}

/** A canvas knows no CSS variables: let the browser resolve them on an element and read what came out. */
function colorsOf(host: HTMLElement): (variable: string, opacity?: number) => string {
  return (variable, opacity = 1) => {
    const probe = document.createElement('span');
    probe.style.color = `color-mix(in srgb, var(${variable}) ${opacity * 100}%, transparent)`;
    host.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
}
