// ONNX Runtime's CPU arena (BFCArena of version 1.30), without its memory: where blocks come to lie, and how much of its
// regions they have touched. The operating system hands out memory when it is touched, so that is what a run takes.

type Chunk = {
  region: number;
  offset: number;
  bytes: number;
  free: boolean;
  before: Chunk | undefined;
  after: Chunk | undefined;
};
export type Block = { readonly bytes: number };

const ALIGNMENT = 256;
const FIRST_REGION = 2 ** 20;
const LARGEST_STEP = 2 ** 30;
const BINS = 21;
/** A block keeps up to so much that it did not ask for, unless it is more than it did ask for. */
const MOST_WASTED = 128 * 2 ** 20;

export class Arena {
  readonly #bins: Chunk[][] = Array.from({ length: BINS }, () => []);
  /** Highest address that was ever handed out, in each region. */
  readonly #touched: number[] = [];
  #nextRegion = FIRST_REGION;
  #reserved = 0;

  /** Bytes that were handed out at least once. */
  get residentBytes(): number {
    return this.#touched.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Bytes of all regions: what a device hands out before it is touched. */
  get reservedBytes(): number {
    return this.#reserved;
  }

  allocate(bytes: number): Block {
    const rounded = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    const chunk = this.#take(rounded) ?? this.#extend(rounded);
    const end = chunk.offset + rounded;
    if (end > (this.#touched[chunk.region] ?? 0)) this.#touched[chunk.region] = end;
    return chunk;
  }

  free(block: Block): void {
    let chunk = block as Chunk;
    chunk.free = true;
    if (chunk.after?.free) chunk = this.#join(chunk, chunk.after);
    if (chunk.before?.free) chunk = this.#join(chunk.before, chunk);
    this.#insert(chunk);
  }

  #take(rounded: number): Chunk | undefined {
    for (let bin = binOf(rounded); bin < BINS; bin++) {
      const chunks = this.#bins[bin] ?? [];
      const index = chunks.findIndex(({ bytes }) => bytes >= rounded);
      const chunk = chunks[index];
      if (!chunk) continue;
      chunks.splice(index, 1);
      chunk.free = false;
      return this.#cut(chunk, rounded);
    }
    return undefined;
  }

  #cut(chunk: Chunk, rounded: number): Chunk {
    const left = chunk.bytes - rounded;
    if (left < rounded && left < MOST_WASTED) return chunk;
    const rest: Chunk = {
      region: chunk.region,
      offset: chunk.offset + rounded,
      bytes: left,
      free: true,
      before: chunk,
      after: chunk.after,
    };
    if (left === 0) return chunk;
    if (chunk.after) chunk.after.before = rest;
    chunk.after = rest;
    chunk.bytes = rounded;
    this.#insert(rest);
    return chunk;
  }

  #extend(rounded: number): Chunk {
    let increased = false;
    while (rounded > this.#nextRegion) {
      this.#nextRegion *= 2;
      increased = true;
    }
    const bytes = this.#nextRegion;
    if (!increased && this.#nextRegion < LARGEST_STEP) this.#nextRegion *= 2;
    this.#reserved += bytes;
    const region = this.#touched.push(0) - 1;
    return this.#cut({ region, offset: 0, bytes, free: false, before: undefined, after: undefined }, rounded);
  }

  #join(first: Chunk, second: Chunk): Chunk {
    for (const chunk of [first, second]) this.#remove(chunk);
    first.bytes += second.bytes;
    first.after = second.after;
    if (second.after) second.after.before = first;
    first.free = true;
    return first;
  }

  /** Bins are sorted by size, then by address. */
  #insert(chunk: Chunk): void {
    const chunks = this.#bins[binOf(chunk.bytes)] ?? [];
    const index = chunks.findIndex((other) => comesBefore(chunk, other));
    chunks.splice(index < 0 ? chunks.length : index, 0, chunk);
  }

  #remove(chunk: Chunk): void {
    const chunks = this.#bins[binOf(chunk.bytes)] ?? [];
    const index = chunks.indexOf(chunk);
    if (index >= 0) chunks.splice(index, 1);
  }
}

/** Bin b holds chunks of 256 * 2^b bytes and more. */
function binOf(bytes: number): number {
  return Math.min(BINS - 1, Math.floor(Math.log2(bytes / ALIGNMENT)));
}

function comesBefore(a: Chunk, b: Chunk): boolean {
  if (a.bytes !== b.bytes) return a.bytes < b.bytes;
  return a.region === b.region ? a.offset < b.offset : a.region < b.region;
}
