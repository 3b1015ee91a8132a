// A byte-level byte-pair-encoding trainer (Sennrich et al., "Neural Machine Translation of Rare Words with Subword
// Units", 2016). It learns the merges only; reading text with them is left to @huggingface/tokenizers.

/** Splits as tokenizer.json's pre-tokenizer will: every digit alone, then words with their leading space. */
const words = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** GPT-2's printable stand-ins for the 256 bytes, in byte order. */
export const byteAlphabet: string[] = (() => {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
})();

export function splitWords(text: string): string[] {
  return text.split(/(\p{Nd})/u).flatMap((part) => part.match(words) ?? []);
}

export type Bpe = { /** Pieces in id order, after the special tokens. */ pieces: string[]; merges: [string, string][] };

/** Learns merges until there are `pieceCount` pieces (the 256 bytes included), or no pair occurs twice. */
export function trainBpe(texts: Iterable<string>, pieceCount: number): Bpe {
  const counts = new Map<string, number>();
  for (const text of texts) for (const word of splitWords(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const encoder = new TextEncoder();
  const entries = [...counts].map(([word, count]) => ({
    count,
    symbols: Array.from(encoder.encode(word), (byte) => byteAlphabet[byte] ?? ''),
  }));

  const pieces = [...byteAlphabet];
  const merges: [string, string][] = [];
  const known = new Set(pieces);
  while (pieces.length < pieceCount) {
    const best = mostFrequentPair(entries);
    if (best === undefined) break;
    const merged = best[0] + best[1];
    merges.push(best);
    if (!known.has(merged)) pieces.push(merged);
    known.add(merged);
    for (const entry of entries) entry.symbols = join(entry.symbols, best[0], best[1]);
  }
  return { pieces, merges };
}

type Entry = { count: number; symbols: string[] };

/** Ties go to the pair that sorts first, so that the result does not depend on the order of the texts. */
function mostFrequentPair(entries: readonly Entry[]): [string, string] | undefined {
  const totals = new Map<string, number>();
  for (const { count, symbols } of entries) {
    for (let i = 0; i + 1 < symbols.length; i += 1) {
      const pair = `${symbols[i] ?? ''} ${symbols[i + 1] ?? ''}`;
      totals.set(pair, (totals.get(pair) ?? 0) + count);
    }
  }
  let best = '';
  let bestCount = 1;
  for (const [pair, count] of totals) {
    if (count > bestCount || (count === bestCount && best !== '' && pair < best)) [best, bestCount] = [pair, count];
  }
  const [left, right] = best.split(' ');
  return left === undefined || right === undefined ? undefined : [left, right];
}

function join(symbols: string[], left: string, right: string): string[] {
  if (!symbols.includes(left)) return symbols;
  const joined: string[] = [];
  for (let i = 0; i < symbols.length; i += 1) {
    if (symbols[i] === left && symbols[i + 1] === right) {
      joined.push(left + right);
      i += 1;
    } else joined.push(symbols[i] ?? '');
  }
  return joined;
}
