// Draws what stands on a chart's lines: checkpoints as diamonds on the axis, the best evaluation as a star, events as
// ticks with text where there is room for it.
import type uPlot from 'uplot';
import type { Marks } from './line.ts';

type Look = { color: (variable: string) => string; font: string };

const levelColors = { info: '--muted', warning: '--amber', error: '--red' } as const;
const LONGEST_TEXT = 28;

export function drawMarks(plot: uPlot, marks: Marks, { color, font }: Look): void {
  const { ctx, bbox } = plot;
  const unit = devicePixelRatio;
  const right = bbox.left + bbox.width;
  const bottom = bbox.top + bbox.height;
  const xOf = (place: number): number => plot.valToPos(place, 'x', true);
  const visible = (x: number): boolean => x >= bbox.left - 1 && x <= right + 1;
  ctx.save();

  ctx.font = font.replace(/^\d+/, (size) => String(Number(size) * unit));
  ctx.textBaseline = 'top';
  ctx.textAlign = 'left';
  let freeFrom = bbox.left;
  for (const { x: place, text, level } of marks.events) {
    const x = xOf(place);
    if (!visible(x)) continue;
    ctx.fillStyle = color(levelColors[level]);
    ctx.fillRect(x - unit / 2, bbox.top, unit, 10 * unit);
    const short = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1).trimEnd()}…` : text;
    const width = ctx.measureText(short).width;
    if (x + 4 * unit < freeFrom || x + 4 * unit + width > right) continue;
    ctx.fillText(short, x + 4 * unit, bbox.top);
    freeFrom = x + width + 16 * unit;
  }

  ctx.fillStyle = color('--text');
  for (const place of marks.checkpoints) {
    const x = xOf(place);
    if (visible(x)) shape(ctx, x, bottom, 4, 4 * unit, 4 * unit);
  }

  if (marks.best !== null) {
    const [x, y] = [xOf(marks.best.x), plot.valToPos(marks.best.y, 'y', true)];
    if (visible(x) && y >= bbox.top && y <= bottom) {
      ctx.fillStyle = color('--amber');
      ctx.strokeStyle = color('--raised');
      ctx.lineWidth = 2 * unit;
      shape(ctx, x, y, 10, 8 * unit, 3.6 * unit);
    }
  }
  ctx.restore();
}

/** A closed shape whose corners lie by turns at two distances from its middle: a star, or a diamond. */
function shape(ctx: CanvasRenderingContext2D, x: number, y: number, corners: number, far: number, near: number): void {
  ctx.beginPath();
  for (let i = 0; i < corners; i++) {
    const angle = (i / corners) * 2 * Math.PI - Math.PI / 2;
    const distance = i % 2 === 0 ? far : near;
    ctx.lineTo(x + distance * Math.cos(angle), y + distance * Math.sin(angle));
  }
  ctx.closePath();
  if (corners > 4) ctx.stroke();
  ctx.fill();
}
