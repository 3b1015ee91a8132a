// A line chart in a terminal: braille characters hold 2 x 4 dots each.
import { numberText } from './numbers.ts';

export type Point = { x: number; y: number };

/** Dots of a braille character by column and row, as bits above U+2800. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

/** Mean of the points that fall into each of `columns` equal parts of the x axis; undefined where none does. */
function columnMeans(points: readonly Point[], columns: number): (number | undefined)[] {
  const [first, last] = [points[0]?.x ?? 0, points.at(-1)?.x ?? 0];
  const sums = Array.from({ length: columns }, () => ({ sum: 0, count: 0 }));
  for (const { x, y } of points) {
    const column =
      sums[last === first ? 0 : Math.min(columns - 1, Math.floor(((x - first) / (last - first)) * columns))];
    if (column === undefined || !Number.isFinite(y)) continue;
    column.sum += y;
    column.count += 1;
  }
  return sums.map(({ sum, count }) => (count === 0 ? undefined : sum / count));
}

/**
 * Lines of text that draw `points` (in order of x) with their smallest and largest value at the left and the range of
 * x below; `width` and `height` are in characters, axis included. Empty for fewer than two points.
 */
export function lineChart(points: readonly Point[], width: number, height: number): string[] {
  const labelWidth = 8;
  const [columns, rows] = [(width - labelWidth - 2) * 2, height * 4];
  const means = columnMeans(points, columns);
  const known = means.filter((y) => y !== undefined);
  if (points.length < 2 || known.length < 2) return [];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const cells = Array.from({ length: height }, () => new Array<number>(width - labelWidth - 2).fill(0));
  const rowOf = (y: number): number => (high === low ? 0 : Math.round(((high - y) / (high - low)) * (rows - 1)));
  const plot = (column: number, row: number): void => {
    const line = cells[Math.floor(row / 4)];
    const dot = DOTS[column % 2 === 0 ? 0 : 1][row % 4];
    const cell = Math.floor(column / 2);
    if (line !== undefined && dot !== undefined) line[cell] = (line[cell] ?? 0) | dot;
  };
  let before: { column: number; row: number } | undefined;
  for (const [column, y] of means.entries()) {
    if (y === undefined) continue;
    const row = rowOf(y);
    const from = before ?? { column, row };
    // Straight to the next known column, without gaps in either direction.
    const count = Math.max(1, column - from.column, Math.abs(row - from.row));
    for (let i = 0; i <= count; i += 1) {
      plot(
        Math.round(from.column + ((column - from.column) * i) / count),
        Math.round(from.row + ((row - from.row) * i) / count),
      );
    }
    before = { column, row };
  }
  const label = (row: number): string => (row === 0 ? numberText(high) : row === height - 1 ? numberText(low) : '');
  const lines = cells.map((line, row) => {
    const drawn = String.fromCodePoint(...line.map((dots) => 0x2800 + dots));
    return `${label(row).padStart(labelWidth)} ┤${drawn}`;
  });
  const [start, end] = [String(points[0]?.x ?? ''), `step ${points.at(-1)?.x ?? ''}`];
  return [...lines, `${' '.repeat(labelWidth + 2)}${start}${end.padStart(width - labelWidth - 2 - start.length)}`];
}
