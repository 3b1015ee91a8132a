// Which words of a text are not in another one, in order: the longest common sequence of words stays unmarked.

export type Piece = { text: string; differs: boolean };

/** Longer texts are compared only up to here, the rest counts as different: the table of matches grows by the square. */
const MOST_WORDS = 600;

/** `text` in pieces, those marked that `other` does not have at their place. */
export function wordDiff(text: string, other: string): Piece[] {
  const mine = wordsOf(text);
  const bare = (words: readonly string[]): string[] => words.slice(0, MOST_WORDS).map((word) => word.trim());
  const common = commonWords(bare(mine), bare(wordsOf(other)));
  const pieces: Piece[] = [];
  mine.forEach((word, i) => {
    const last = pieces.at(-1);
    const differs = !common.has(i);
    if (last?.differs === differs) last.text += word;
    else pieces.push({ text: word, differs });
  });
  return pieces;
}

/** Words, each with the white space behind it. */
const wordsOf = (text: string): string[] => text.trim().match(/\S+\s*/g) ?? [];

/** Places in `a` of a longest common subsequence of `a` and `b`. */
function commonWords(a: readonly string[], b: readonly string[]): Set<number> {
  const width = b.length + 1;
  // lengths[i * width + j]: the longest for a from i on and b from j on.
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        a[i] === b[j]
          ? 1 + (lengths[(i + 1) * width + j + 1] ?? 0)
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
    }
  }
  const places = new Set<number>();
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      places.add(i);
      i += 1;
      j += 1;
    } else if ((lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0)) i += 1;
    else j += 1;
  }
  return places;
}
