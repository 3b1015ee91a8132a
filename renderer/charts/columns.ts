// A table that only grows at its end, kept as one typed array per column: a hundred thousand rows stay a few megabytes
// and can be read without making objects. A cell without a value is NaN.
const FIRST_CAPACITY = 256;

export class Columns {
  #length = 0;
  #capacity = FIRST_CAPACITY;
  readonly #columns = new Map<string, Float64Array>();

  get length(): number {
    return this.#length;
  }

  get names(): string[] {
    return [...this.#columns.keys()];
  }

  /** Adds a row. A name that was not there before becomes a column. */
  append(row: Readonly<Record<string, number>>): void {
    if (this.#length === this.#capacity) this.#grow();
    for (const name in row) this.#columnFor(name)[this.#length] = row[name] ?? Number.NaN;
    this.#length += 1;
  }

  /** Forgets all rows but the first `length`. */
  truncate(length: number): void {
    if (length >= this.#length) return;
    for (const column of this.#columns.values()) column.fill(Number.NaN, length, this.#length);
    this.#length = length;
  }

  /** A view of a column, valid until the next change; empty for a name that is not there. */
  column(name: string): Float64Array {
    return this.#columns.get(name)?.subarray(0, this.#length) ?? new Float64Array(0);
  }

  has(name: string): boolean {
    return this.#columns.has(name);
  }

  #columnFor(name: string): Float64Array {
    const existing = this.#columns.get(name);
    if (existing !== undefined) return existing;
    const column = new Float64Array(this.#capacity).fill(Number.NaN);
    this.#columns.set(name, column);
    return column;
  }

  #grow(): void {
    this.#capacity *= 2;
    for (const [name, column] of this.#columns) {
      const wider = new Float64Array(this.#capacity).fill(Number.NaN, this.#length);
      wider.set(column);
      this.#columns.set(name, wider);
    }
  }
}

/** Place of the first value that is not below `value`, in an ascending column; its length where there is none. */
export function firstAtLeast(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? Infinity) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
