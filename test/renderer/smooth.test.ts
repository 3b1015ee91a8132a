import { expect, test } from 'vitest';
import { smooth, spanOf, weightOf } from '../../renderer/charts/smooth.ts';

test('smoothing starts at the first value and leaves a constant alone', () => {
  expect([...smooth(Float64Array.of(3, 3, 3), 0.8)].map((value) => value.toFixed(9))).toEqual([
    '3.000000000',
    '3.000000000',
    '3.000000000',
  ]);
  // By hand, weight 0.5: (0.5 * 4 * 0.5 + 0.5 * 1) / (1 - 0.25) = 1.5 / 0.75 = 2.
  expect([...smooth(Float64Array.of(4, 1), 0.5)]).toEqual([4, 2]);
});

test('smoothing passes over steps without a value', () => {
  expect([...smooth(Float64Array.of(4, Number.NaN, 1), 0.5)]).toEqual([4, Number.NaN, 2]);
});

test('a half smooths over the root of the length, zero not at all', () => {
  expect([spanOf(10_000, 0.5), spanOf(10_000, 0), spanOf(0, 0.5), spanOf(100, 1)]).toEqual([100, 1, 1, 100]);
  expect([weightOf(1), weightOf(20)]).toEqual([0, 0.95]);
});
