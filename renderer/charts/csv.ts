// Lines and tables as CSV (RFC 4180), for spreadsheets.
import type { Columns } from './columns.ts';
import type { Line } from './line.ts';
import { align } from './thin.ts';

/** All points of some lines: one row for each place of the axis. */
export function csvOf(axis: string, lines: readonly Line[]): string {
  const [places, ...columns] = align(lines);
  const header = [axis, ...lines.map(({ label }) => label)];
  const rows = places.map((place, i) => [place, ...columns.map((column) => column[i] ?? '')]);
  return tableText([header, ...rows]);
}

/** Tables one below the other in shared columns, the first of which says which table a row is from. */
export function csvOfTables(tables: Readonly<Record<string, Columns>>): string {
  const names = [...new Set(Object.values(tables).flatMap((table) => table.names))];
  const rows = Object.entries(tables).flatMap(([kind, table]) => {
    const columns = names.map((name) => table.column(name));
    return Array.from({ length: table.length }, (_, i) => [
      kind,
      ...columns.map((column) => (Number.isFinite(column[i]) ? (column[i] ?? '') : '')),
    ]);
  });
  return tableText([['kind', ...names], ...rows]);
}

export function tableText(rows: readonly (readonly (string | number)[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

function cell(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
