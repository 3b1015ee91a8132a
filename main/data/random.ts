// The random numbers of the data side: splits and the order of rows. SplitMix32 spreads a seed, xoshiro128** draws, so
// that a seed gives the same order on every machine and in every version. Not for secrets.

export type Random = {
  /** A whole number from 0 to below `limit` (at most 2^32), every one equally likely. */
  below(limit: number): number;
};

/** `stream` tells apart uses of one seed, such as the epochs. */
export function seededRandom(seed: number, stream = 0): Random {
  let spread = (Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul(stream | 0, 0x85ebca77) ^ Math.floor(seed / 2 ** 32)) | 0;
  const splitMix = () => {
    spread = (spread + 0x9e3779b9) | 0;
    let z = spread ^ (spread >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return z ^ (z >>> 15);
  };
  const next = xoshiro128([splitMix(), splitMix(), splitMix(), splitMix()]);
  return {
    below(limit) {
      // Draws from the incomplete last stretch would favour small numbers.
      const fair = 2 ** 32 - (2 ** 32 % limit);
      let drawn = next();
      while (drawn >= fair) drawn = next();
      return drawn % limit;
    },
  };
}

/** Whole numbers below 2^32: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018). */
export function xoshiro128(state: [number, number, number, number]): () => number {
  let [a, b, c, d] = state;
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return result;
  };
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

/** 0 … length - 1 in a random order (Fisher-Yates). */
export function permutation(length: number, random: Random): Int32Array {
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const swapped = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = swapped;
  }
  return order;
}
