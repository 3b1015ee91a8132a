// What is random in a step (LoRA dropout, noise on the embeddings), decided by the run's seed, so that resuming repeats what would have happened
// and recomputed layers see the mask they saw before.

/** [count] 1 with probability 1 - p (to within 2^-16), else 0. The same for the same seed and stream. */
export function dropoutMask(count: number, p: number, seed: number, stream: number): Uint8Array {
  const mask = new Uint8Array(count);
  const threshold = Math.round(p * 65536);
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(stream + 1, 0xc2b2ae35)) | 1;
  for (let i = 0; i < count; i += 2) {
    // xorshift32 (Marsaglia 2003), two 16-bit draws from each number
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    mask[i] = (state & 0xffff) >= threshold ? 1 : 0;
    mask[i + 1] = state >>> 16 >= threshold ? 1 : 0;
  }
  return mask;
}

/** [count] evenly spread between -magnitude and magnitude. The same for the same seed. */
export function uniformNoise(count: number, magnitude: number, seed: number): Float32Array {
  const noise = new Float32Array(count);
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    noise[i] = (state / 2 ** 31) * magnitude;
  }
  return noise;
}

/** A number for a part of a run: the same for the same seed and parts, and unlike its neighbours. */
export function derivedSeed(seed: number, ...parts: readonly number[]): number {
  let hash = seed >>> 0;
  for (const part of parts) {
    hash = Math.imul(hash ^ part, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}
