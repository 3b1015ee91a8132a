// Picks the next token from logits: greedy, or by temperature and nucleus (Holtzman et al. 2020, arXiv:1904.09751).
import { seededRandom } from '../data/random.ts';

export type SamplingSettings = {
  /** 0: always the most likely token. */
  temperature: number;
  /** Only the most likely tokens that together reach this probability; 1: all. */
  topP: number;
  seed: number;
};

/** A function from logits [vocab] to a token id. The same seed gives the same choices. */
export function sampler({ temperature, topP, seed }: SamplingSettings): (logits: Float32Array) => number {
  if (temperature === 0) return mostLikely;
  const random = seededRandom(seed);
  return (logits) => {
    const best = logits[mostLikely(logits)] ?? 0;
    const weights = Float64Array.from(logits, (logit) => Math.exp((logit - best) / temperature));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const order = Uint32Array.from(weights, (_, i) => i).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0));
    let kept = 0;
    let count = 0;
    // The token that crosses the threshold stays in, so there is always one.
    while (count < order.length && (count === 0 || kept < topP * total)) kept += weights[order[count++] ?? 0] ?? 0;
    let drawn = (random.below(2 ** 32) / 2 ** 32) * kept;
    for (let i = 0; i < count; i++) {
      const id = order[i] ?? 0;
      drawn -= weights[id] ?? 0;
      if (drawn < 0) return id;
    }
    return order[count - 1] ?? 0;
  };
}

function mostLikely(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] ?? 0) > (logits[best] ?? 0)) best = i;
  return best;
}
