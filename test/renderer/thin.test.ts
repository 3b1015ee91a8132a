import { expect, test } from 'vitest';
import { align, thin } from '../../renderer/charts/thin.ts';

/** A walk that looks like a noisy loss, the same each time. */
function walk(points: number): { x: Float64Array; y: Float64Array } {
  const x = Float64Array.from({ length: points }, (_, i) => i);
  let state = 7;
  const y = x.map((i) => {
    state = (state * 16_807) % 2_147_483_647;
    return 3 * Math.exp(-i / points) + state / 2_147_483_647;
  });
  return { x, y };
}

test('every pixel column keeps its first, lowest, highest and last point, and a neighbour on either side stays', () => {
  const { x, y } = walk(100_000);
  const range = { min: 20_000, max: 20_000 + 65_536 }; // whole pixels of 128 points, without rounding
  const columns = 512;
  const thinned = thin({ x, y }, range, columns);
  expect(thinned.x.length).toBeLessThanOrEqual(4 * (columns + 1) + 2);
  const kept = new Map([...thinned.x].map((place, i) => [place, thinned.y[i]]));

  const inRange = [...x].filter((place) => place >= range.min && place <= range.max);
  const pixels = Map.groupBy(inRange, (place) => Math.floor(((place - range.min) / (range.max - range.min)) * columns));
  const yAt = (place: number): number => y[place] ?? Number.NaN;
  for (const places of pixels.values()) {
    const byHeight = places.toSorted((a, b) => yAt(a) - yAt(b));
    for (const place of [places[0], places.at(-1), byHeight[0], byHeight.at(-1)])
      expect(kept.get(place ?? -1)).toBe(yAt(place ?? -1));
  }
  expect([kept.has(19_999), kept.has(85_537), kept.has(19_998)]).toEqual([true, true, false]);
  expect([...thinned.x]).toEqual([...thinned.x].toSorted((a, b) => a - b));
});

test('few points stay as they are, without those that cannot be drawn', () => {
  const x = Float64Array.of(1, 2, 3, 4, 5);
  const y = Float64Array.of(2, Number.NaN, -1, 4, Infinity);
  const all = { min: 0, max: 10 };
  expect([...thin({ x, y }, all, 100).x]).toEqual([1, 3, 4]);
  expect([...thin({ x, y }, all, 100, (value) => value > 0).x]).toEqual([1, 4]);
  expect([...thin({ x: new Float64Array(0), y: new Float64Array(0) }, all, 100).x]).toEqual([]);
});

test('a zoom between two points keeps both, so that the line crosses the screen', () => {
  const x = Float64Array.of(0, 100);
  expect([...thin({ x, y: Float64Array.of(1, 2) }, { min: 40, max: 60 }, 100).x]).toEqual([0, 100]);
});

test('lines of different places share one axis', () => {
  const one = { x: Float64Array.of(1, 2, 4), y: Float64Array.of(10, 20, 40) };
  const other = { x: Float64Array.of(2, 3), y: Float64Array.of(0.2, 0.3) };
  expect(align([one, other])).toEqual([
    [1, 2, 3, 4],
    [10, 20, null, 40],
    [null, 0.2, 0.3, null],
  ]);
  expect(align([])).toEqual([[]]);
});
