// The points of several lines as rows: a place of the axis, then a value for each line.
import type { Points } from './thin.ts';
import { align } from './thin.ts';

type Row = [place: number, ...values: (number | null)[]];

/** At most about `most` rows, evenly spread; rows of a sparse line (evaluations) all stay. */
export function tableOf(lines: readonly Points[], most: number): { rows: Row[]; stride: number; left: number } {
  const [places, ...columns] = align(lines);
  const stride = Math.max(1, Math.ceil(places.length / most));
  const sparse = columns.filter((column) => column.filter((value) => value !== null).length <= most);
  const rows: Row[] = [];
  places.forEach((place, i) => {
    const isLast = i === places.length - 1;
    const isRare = stride > 1 && sparse.some((column) => column[i] !== null);
    if (i % stride === 0 || isLast || isRare) rows.push([place, ...columns.map((column) => column[i] ?? null)]);
  });
  return { rows, stride, left: places.length - rows.length };
}
