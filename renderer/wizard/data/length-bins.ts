// The lengths of rows as bars, and what a max_length would cut of them.

/** [length, rows], the shortest first. */
export type Lengths = readonly (readonly [number, number])[];

export type Bin = { from: number; /** Exclusive. */ to: number; rows: number };

/** The longest row, 0 without rows. */
export function longestOf(lengths: Lengths): number {
  return lengths.at(-1)?.[0] ?? 0;
}

/**
 * The length that the picture ends with: the longest row, unless few rows are so much longer than all others that they
 * would press those together; the last bar then holds them.
 */
export function lastShown(lengths: Lengths): number {
  const longest = longestOf(lengths);
  const rows = lengths.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [length, count] of lengths) {
    seen += count;
    if (seen >= 0.99 * rows) return longest > 2.5 * length ? Math.ceil(1.5 * length) : longest;
  }
  return longest;
}

/** At most `count` bars of equal width from 1 to `last`; longer rows stand in the last one. */
export function binsOf(lengths: Lengths, last: number, count: number): Bin[] {
  const width = Math.max(1, Math.ceil(last / count));
  const bins: Bin[] = [];
  for (let from = 1; from <= Math.max(1, last); from += width) bins.push({ from, to: from + width, rows: 0 });
  for (const [length, rows] of lengths) {
    const bin = bins[Math.min(bins.length - 1, Math.max(0, Math.floor((length - 1) / width)))];
    if (bin) bin.rows += rows;
  }
  return bins;
}

export type Cut = { rows: number; tokens: number; ofRows: number; ofTokens: number };

/** What is longer than `maxLength`; nothing where it is null. */
export function cutBy(lengths: Lengths, maxLength: number | null): Cut {
  const cut: Cut = { rows: 0, tokens: 0, ofRows: 0, ofTokens: 0 };
  for (const [length, rows] of lengths) {
    cut.ofRows += rows;
    cut.ofTokens += length * rows;
    if (maxLength === null || length <= maxLength) continue;
    cut.rows += rows;
    cut.tokens += (length - maxLength) * rows;
  }
  return cut;
}
