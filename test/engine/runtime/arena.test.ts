// The double of ONNX Runtime's arena, by its rules: blocks of 256 bytes, regions that double from 1 MiB, neighbours that
// join when they are free, blocks that are cut where half of them or 128 MiB would be wasted.
import { expect, test } from 'vitest';
import { Arena } from '../../../main/engine/runtime/arena.ts';

const KiB = 2 ** 10;
const MiB = 2 ** 20;

test('memory counts as taken once it was handed out, and not again when it is handed out again', () => {
  const arena = new Arena();
  const block = arena.allocate(100);
  expect([arena.residentBytes, arena.reservedBytes]).toEqual([256, MiB]);
  arena.free(block);
  arena.allocate(200);
  expect(arena.residentBytes).toBe(256);
  arena.allocate(1);
  expect([arena.residentBytes, arena.reservedBytes]).toEqual([512, MiB]);
});

test('a region is the next power of two that is enough, and the one after it is as large, then double', () => {
  const arena = new Arena();
  arena.allocate(3 * MiB);
  // The rest of the first region, less than the block, stays with it.
  expect([arena.residentBytes, arena.reservedBytes]).toEqual([3 * MiB, 4 * MiB]);
  arena.allocate(MiB);
  expect([arena.residentBytes, arena.reservedBytes]).toEqual([4 * MiB, 8 * MiB]);
  arena.allocate(4 * MiB);
  expect([arena.residentBytes, arena.reservedBytes]).toEqual([8 * MiB, 16 * MiB]);
});

test('free neighbours join, and a gap between blocks in use does not', () => {
  const arena = new Arena();
  const [a, b, c, d] = [1, 2, 3, 4].map(() => arena.allocate(256 * KiB));
  if (!a || !b || !c || !d) throw new Error('four blocks');
  expect([arena.residentBytes, arena.reservedBytes]).toEqual([MiB, MiB]);
  arena.free(a);
  arena.free(c);
  arena.allocate(512 * KiB); // neither hole is large enough
  expect(arena.residentBytes).toBe(MiB + 512 * KiB);
  arena.free(b);
  arena.allocate(768 * KiB);
  expect(arena.residentBytes).toBe(MiB + 512 * KiB);
});

test('the smallest hole that is enough is taken, and what is left of it', () => {
  const arena = new Arena();
  // The last fills the region up.
  const [large, , small] = [512 * KiB, 256, 128 * KiB, 384 * KiB - 256].map((bytes) => arena.allocate(bytes));
  if (!large || !small) throw new Error('two blocks');
  const taken = arena.residentBytes;
  arena.free(large);
  arena.free(small);
  arena.allocate(100 * KiB); // the small hole, as a whole
  arena.allocate(200 * KiB); // the large one, cut
  arena.allocate(300 * KiB); // the rest of it
  expect(arena.residentBytes).toBe(taken);
});
