// Remembers which token rows were seen, 8 bytes a row. JavaScript's Set ends at 16.7 million entries and takes several
// times the memory. Two different rows share a 53-bit fingerprint with a chance of about n^2 / 10^16.

export class FingerprintSet {
  private slots = new Float64Array(1 << 12);
  private count = 0;

  /** False where the fingerprint (a whole number above 0, below 2^53) was there already. */
  add(fingerprint: number): boolean {
    if (!insert(this.slots, fingerprint)) return false;
    if (++this.count * 2 > this.slots.length) {
      const larger = new Float64Array(this.slots.length * 2);
      for (const old of this.slots) if (old !== 0) insert(larger, old);
      this.slots = larger;
    }
    return true;
  }
}

function insert(slots: Float64Array, fingerprint: number): boolean {
  const mask = slots.length - 1;
  for (let at = fingerprint % slots.length; ; at = (at + 1) & mask) {
    const slot = slots[at];
    if (slot === fingerprint) return false;
    if (slot === 0) {
      slots[at] = fingerprint;
      return true;
    }
  }
}

/** Two multiplicative hashes of 32-bit words, joined to 53 bits. */
export function fingerprintOf(words: Uint32Array): number {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9 ^ words.length;
  for (const word of words) {
    a = Math.imul(a ^ word, 0x01000193);
    a ^= a >>> 15;
    b = Math.imul(b + word, 0x85ebca6b);
    b ^= b >>> 13;
  }
  return (a >>> 0) * 0x200000 + ((b >>> 0) >>> 11) || 1;
}
