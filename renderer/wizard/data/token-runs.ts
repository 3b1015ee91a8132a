// Stretches of a row that are learned, only read, cut off, or not known because their tokens are not shown.
import type { ShownRow } from '../../../preload/contract.ts';

export type TokenRun = { from: number; /** Exclusive. */ to: number; kind: 'trained' | 'read' | 'unknown' | 'cut' };

/** In the order of the row, which is `fullLength` long. What max_length cuts stands at the end. */
export function runsOf({
  parts,
  tokenCount,
  fullLength,
}: Pick<ShownRow, 'parts' | 'tokenCount' | 'fullLength'>): TokenRun[] {
  const [part] = parts;
  if (!part) return [];
  const half = part.leftOut > 0 ? part.tokens.length >> 1 : part.tokens.length;
  const runs: TokenRun[] = [];
  const add = (kind: TokenRun['kind'], length: number): void => {
    const last = runs.at(-1);
    const from = last?.to ?? 0;
    if (last?.kind === kind) last.to += length;
    else if (length > 0) runs.push({ from, to: from + length, kind });
  };
  for (const [i, { trained }] of part.tokens.entries()) {
    if (i === half) add('unknown', part.leftOut);
    add(trained ? 'trained' : 'read', 1);
  }
  add('cut', fullLength - tokenCount);
  return runs;
}
