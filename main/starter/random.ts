// The dice of the starter model's corpus: the seeded numbers of main/data, with the throws that texts need.

import { seededRandom } from '../data/random.ts';

export type Random = {
  /** A number in [0, 1). */
  next: () => number;
  /** A whole number from `from` to `to`, both included. */
  int: (from: number, to: number) => number;
  chance: (probability: number) => boolean;
  pick: <T>(items: readonly T[]) => T;
  /** `count` different items, in random order. */
  sample: <T>(items: readonly T[], count: number) => T[];
  /** A key, drawn by its weight. */
  weighted: <T>(items: readonly (readonly [weight: number, item: T])[]) => T;
};

/** `stream` tells apart uses of one seed. */
export function createRandom(seed: number, stream = 0): Random {
  const source = seededRandom(seed, stream);
  const next = (): number => source.below(2 ** 32) / 2 ** 32;
  const int = (from: number, to: number): number => from + source.below(to - from + 1);
  const pick = <T>(items: readonly T[]): T => {
    if (items.length === 0) throw new RangeError('pick: nothing to pick from');
    return items[int(0, items.length - 1)] as T;
  };
  const sample = <T>(items: readonly T[], count: number): T[] => {
    const pool = [...items];
    const chosen: T[] = [];
    while (chosen.length < count && pool.length > 0) chosen.push(...pool.splice(int(0, pool.length - 1), 1));
    return chosen;
  };
  const weighted = <T>(items: readonly (readonly [number, T])[]): T => {
    let left = next() * items.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, item] of items) {
      left -= weight;
      if (left < 0) return item;
    }
    return pick(items)[1];
  };
  return { next, int, chance: (probability) => next() < probability, pick, sample, weighted };
}
