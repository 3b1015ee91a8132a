// Reads the tables of the world: one row a line, cells between bars, so that a row stays readable at any length.

/** The rows of `text`, each of exactly `columns` trimmed cells. Throws a RangeError that shows a row of another width. */
export function table(columns: number, text: string): string[][] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const cells = line.split('|').map((cell) => cell.trim());
      if (cells.length !== columns) throw new RangeError(`${columns} cells expected, ${cells.length} found: ${line}`);
      return cells;
    });
}

/** The alternatives in a cell. */
export const alternatives = (cell = ''): string[] => cell.split(' / ');
