// Standard normal numbers (Box and Muller 1958) that a seed decides.
import { seededRandom } from '../data/random.ts';

/** A function that draws the next number. `stream` tells apart uses of one seed. */
export function normalNumbers(seed: number, stream = 0): () => number {
  const random = seededRandom(seed, stream);
  const uniform = (): number => (random.below(2 ** 32) + 0.5) / 2 ** 32;
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
