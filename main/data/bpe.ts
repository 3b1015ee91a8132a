// Byte-pair encoding of one word on integers: symbols are token ids, a merge is a number. Splitting a text into words is
// left to text-encoder.ts. The library's own works on strings and is several times slower.
import { isRecord } from './readers/reader.ts';

export type Bpe = {
  /** Ids of a word; `symbols` are the ids of its characters or bytes, -1 where the vocabulary has none. */
  merge(symbols: number[]): number[];
};

/** Pairs are keyed as left * 2^21 + right. */
const PAIR = 2 ** 21;
/** Candidates are ordered as rank * 2^26 + position: best merge first, leftmost first among equals. */
const POSITIONS = 2 ** 26;

/** `merges` as tokenizer.json writes them: "a b" or ["a", "b"], best first. Undefined where the table is unusual. */
export function bytePairEncoding(vocab: Record<string, unknown>, merges: unknown[]): Bpe | undefined {
  const ranks = new Map<number, number>();
  const merged = new Int32Array(merges.length);
  for (const [rank, entry] of merges.entries()) {
    const [left, right] =
      typeof entry === 'string' ? entry.split(' ', 2) : Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof left !== 'string' || typeof right !== 'string') return undefined;
    const [a, b, whole] = [vocab[left], vocab[right], vocab[left + right]];
    if (typeof a !== 'number' || typeof b !== 'number' || typeof whole !== 'number') return undefined;
    if (a >= PAIR || b >= PAIR) return undefined;
    // Of a pair that is listed twice, the library takes the later rank; such tables do not occur in practice.
    ranks.set(a * PAIR + b, rank);
    merged[rank] = whole;
  }
  return {
    merge(symbols) {
      if (symbols.length < 2) return symbols;
      return mergeSymbols(symbols, ranks, merged);
    },
  };
}

/** A linked list of symbols and a heap of possible merges; outdated candidates are recognised when they come up. */
function mergeSymbols(symbols: number[], ranks: Map<number, number>, merged: Int32Array): number[] {
  const count = symbols.length;
  if (count >= POSITIONS) throw new RangeError(`a word of ${String(count)} symbols is too long`);
  const ids = Int32Array.from(symbols);
  const next = Int32Array.from(ids, (_, i) => i + 1);
  const previous = Int32Array.from(ids, (_, i) => i - 1);
  const heap: number[] = [];
  const rankAt = (at: number): number | undefined => {
    const right = next[at] ?? count;
    if (right >= count) return undefined;
    const [a, b] = [ids[at] ?? -1, ids[right] ?? -1];
    return a < 0 || b < 0 ? undefined : ranks.get(a * PAIR + b);
  };
  const propose = (at: number) => {
    const rank = rankAt(at);
    if (rank !== undefined) push(heap, rank * POSITIONS + at);
  };
  for (let i = 0; i + 1 < count; i++) propose(i);
  const gone = new Uint8Array(count);
  for (let best = pop(heap); best !== undefined; best = pop(heap)) {
    const rank = Math.floor(best / POSITIONS);
    const at = best % POSITIONS;
    if (gone[at] === 1 || rankAt(at) !== rank) continue;
    const right = next[at] ?? count;
    const after = next[right] ?? count;
    ids[at] = merged[rank] ?? -1;
    gone[right] = 1;
    next[at] = after;
    if (after < count) previous[after] = at;
    const before = previous[at] ?? -1;
    if (before >= 0) propose(before);
    propose(at);
  }
  const result: number[] = [];
  for (let at = 0; at < count; at = next[at] ?? count) result.push(ids[at] ?? -1);
  return result;
}

function push(heap: number[], value: number): void {
  let at = heap.length;
  heap.push(value);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] ?? 0;
    if (above <= value) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = value;
}

function pop(heap: number[]): number | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined || heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if ((heap[child + 1] ?? Infinity) < (heap[child] ?? Infinity)) child++;
    const below = heap[child] ?? Infinity;
    if (below >= last) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
  return top;
}

/** The BPE model of a tokenizer.json, or undefined where it has parts that this file does not know. */
export function bpeOf(model: unknown): { bpe: Bpe; vocab: Record<string, unknown> } | undefined {
  if (!isRecord(model) || !isRecord(model.vocab) || !Array.isArray(model.merges)) return undefined;
  const plain = (name: string) => model[name] === undefined || model[name] === null || model[name] === '';
  if (!plain('continuing_subword_prefix') || !plain('end_of_word_suffix')) return undefined;
  const bpe = bytePairEncoding(model.vocab, model.merges);
  return bpe && { bpe, vocab: model.vocab };
}
