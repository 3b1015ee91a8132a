// Into how many parts a step cuts what would be too large, or wasteful, in one piece.

/**
 * Blocks of attention's queries: the more, the less is computed of what causal rows cannot see. Each costs nodes, which
 * lean mode feels in short rows.
 */
export function queryBlocks(longestRow: number, memory: 'fast' | 'lean'): number {
  if (memory === 'lean' && longestRow < 512) return 1;
  return Math.min(8, Math.max(1, Math.floor(longestRow / 128)));
}

/** Parts in which labelled rows go through the head, so that a part's logits take at most 9 MB (lean) or 256 MB. */
export function headChunks({
  rows,
  vocabSize,
  memory,
}: {
  rows: number;
  vocabSize: number;
  memory: 'fast' | 'lean';
}): number {
  const budgetBytes = (memory === 'lean' ? 9 : 256) * 2 ** 20;
  return Math.max(1, Math.ceil((rows * vocabSize * 4) / budgetBytes));
}
