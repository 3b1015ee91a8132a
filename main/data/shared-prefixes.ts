// Decides which rows of a micro-batch stand together because they begin alike: a system prompt, a few-shot header,
// the same question with several answers.
import { prefixTree } from './prefix-tree.ts';
import type { TokenizedExample } from './types.ts';

/** Sharing for less than this share of a batch's tokens is not worth longer rows of the batch. */
const leastGain = 0.1;
const leastShared = 8;

/**
 * The rows in bins whose members share a beginning, or undefined where standing alone costs no more. Costs are tokens
 * with padding; attention makes those of long rows dearer.
 */
export function binsOfSharedPrefixes<T extends TokenizedExample>(rows: readonly T[]): T[][] | undefined {
  if (rows.length < 2) return undefined;
  const segments = prefixTree(
    rows.map((row) => row.inputIds),
    leastShared,
  );
  const bins = new Map<number, { rows: T[]; tokens: number }>();
  const roots: number[] = [];
  for (const [number, segment] of segments.entries()) {
    const root = segment.parent < 0 ? number : (roots[segment.parent] ?? number);
    roots.push(root);
    const bin = bins.get(root) ?? { rows: [], tokens: 0 };
    bin.tokens += segment.tokens.length;
    for (const end of segment.rowEnds) {
      const row = rows[end];
      if (row) bin.rows.push(row);
    }
    bins.set(root, bin);
  }
  const found = [...bins.values()];
  const alone = cost(rows.map((row) => row.inputIds.length));
  const together = cost(found.map(({ tokens }) => tokens));
  return together < alone * (1 - leastGain) ? found.map((bin) => bin.rows) : undefined;
}

/** Of rows padded to the longest; at some 4096 tokens attention costs as much as everything else. */
function cost(lengths: readonly number[]): number {
  const longest = Math.max(...lengths);
  return lengths.length * longest * (1 + longest / 4096);
}
