// A chart as a picture of its own: what is on the screen, with a title and a legend above it.
import type { Line } from './line.ts';

type Frame = {
  title: string;
  legend: readonly (Pick<Line, 'label' | 'look'> & { color: string; dash: number[] | undefined })[];
  font: string;
  surface: string;
  text: string;
  muted: string;
};

export function pictureOf(chart: HTMLCanvasElement, frame: Frame): HTMLCanvasElement {
  const unit = devicePixelRatio;
  const edge = 16 * unit;
  const head = 44 * unit;
  const canvas = document.createElement('canvas');
  canvas.width = chart.width + 2 * edge;
  canvas.height = chart.height + head + edge;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('this browser has no 2D canvas');
  context.fillStyle = frame.surface;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.textBaseline = 'middle';
  const middle = edge + 8 * unit;
  context.font = `600 ${String(14 * unit)}px ${frame.font}`;
  context.fillStyle = frame.text;
  context.fillText(frame.title, edge, middle);
  let x = edge + context.measureText(frame.title).width + 24 * unit;
  context.font = `${String(12 * unit)}px ${frame.font}`;
  for (const { label, color, look, dash } of frame.legend) {
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = 2 * unit;
    context.globalAlpha = look === 'faint' ? 0.35 : 1;
    context.setLineDash((dash ?? []).map((length) => length * unit));
    context.beginPath();
    context.moveTo(x, middle);
    context.lineTo(x + 16 * unit, middle);
    context.stroke();
    context.globalAlpha = 1;
    context.fillStyle = frame.muted;
    context.fillText(label, x + 22 * unit, middle);
    x += 22 * unit + context.measureText(label).width + 20 * unit;
  }
  context.drawImage(chart, edge, head);
  return canvas;
}
