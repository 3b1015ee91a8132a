// The merges of a SentencePiece vocabulary, which has only scores: every way to put a token together from two others,
// best score first. In the order of transformers' own conversion (generate_merges).

/** `scores` by token text. Merges as [left, right]. */
export function sentencePieceMerges(ids: ReadonlyMap<string, number>, scores: ReadonlyMap<string, number>) {
  type Merge = { left: string; right: string; score: number };
  const all: Merge[] = [];
  for (const [token, score] of scores) {
    // By code points, as Python counts; half of a surrogate pair is no token.
    const characters = Array.from(token);
    const found: Merge[] = [];
    for (let i = 1, at = 0; i < characters.length; i++) {
      at += characters[i - 1]?.length ?? 0;
      const [left, right] = [token.slice(0, at), token.slice(at)];
      if (ids.has(left) && ids.has(right)) found.push({ left, right, score });
    }
    const idOf = (text: string): number => ids.get(text) ?? 0;
    all.push(...found.sort((a, b) => idOf(a.left) - idOf(b.left) || idOf(a.right) - idOf(b.right)));
  }
  const length = new Map<string, number>();
  const lengthOf = (text: string): number => {
    let known = length.get(text);
    if (known === undefined) length.set(text, (known = Array.from(text).length));
    return known;
  };
  all.sort((a, b) => b.score - a.score || lengthOf(b.left) - lengthOf(a.left) || lengthOf(b.right) - lengthOf(a.right));
  return all.map(({ left, right }): [string, string] => [left, right]);
}
