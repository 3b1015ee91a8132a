// Bins against TRL's pack_dataset (test/parity/packing_goldens.py), and what must hold of any packing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packRows, type PackingStrategy } from '../../main/data/packing.ts';
import { seededRandom } from '../../main/data/random.ts';

type Case = {
  strategy: PackingStrategy;
  max_length: number;
  lengths: number[];
  bins: [row: number, start: number, length: number][][];
};
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', 'goldens', 'packing', 'packing.json'), 'utf8'),
) as Case[];

test.each(golden)('$strategy into $max_length as TRL packs', ({ strategy, max_length, lengths, bins }) => {
  const ours = packRows(lengths, max_length, strategy);
  expect(ours.map((bin) => bin.map(({ row, start, length }) => [row, start, length]))).toEqual(bins);
});

test.each<PackingStrategy>(['bfd_split', 'wrapped', 'bfd'])(
  '%s: a million rows in little time; every token once, no bin too full',
  (strategy) => {
    const random = seededRandom(7);
    const lengths = Int32Array.from({ length: 1_000_000 }, () => random.below(900));
    const start = performance.now();
    const bins = packRows(lengths, 512, strategy, Infinity);
    // A fit found by looking at every bin would take hours.
    expect(performance.now() - start).toBeLessThan(30_000);
    const packed = new Int32Array(lengths.length);
    let fullest = 0;
    let ordered = true;
    for (const bin of bins) {
      fullest = Math.max(
        fullest,
        bin.reduce((sum, piece) => sum + piece.length, 0),
      );
      for (const piece of bin) {
        // Pieces of a row come in order only where rows are not sorted.
        if (strategy !== 'bfd_split') ordered &&= piece.start === packed[piece.row];
        packed[piece.row] = (packed[piece.row] ?? 0) + piece.length;
      }
    }
    expect(fullest).toBe(512);
    expect(ordered).toBe(true);
    expect(packed).toEqual(strategy === 'bfd' ? lengths.map((length) => Math.min(length, 512)) : lengths);
  },
);

test('looking among all rows needs no more bins than a thousand at a time', () => {
  const random = seededRandom(8);
  const lengths = Int32Array.from({ length: 20_000 }, () => 1 + random.below(400));
  expect(packRows(lengths, 1024, 'bfd', Infinity).length).toBeLessThanOrEqual(packRows(lengths, 1024, 'bfd').length);
});

test('nothing to pack', () => {
  expect(packRows([], 8, 'bfd')).toEqual([]);
  expect(packRows([0, 0], 8, 'wrapped')).toEqual([]);
  expect(packRows([0, 3], 1, 'bfd')).toEqual([[{ row: 1, start: 0, length: 1 }]]);
});
