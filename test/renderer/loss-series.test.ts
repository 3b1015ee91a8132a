import { expect, test } from 'vitest';
import type { RunDetail } from '../../preload/contract.ts';
import { lossSeries, smooth } from '../../renderer/charts/loss-series.ts';

test('training and evaluation share one ascending list of steps', () => {
  const losses = [
    { step: 2, loss: 2 },
    { step: 4, loss: 1 },
  ];
  const metrics: RunDetail['metrics'] = [
    { step: 3, values: { eval_loss: 1.7, eval_runtime: 1 } },
    { step: 4, values: { loss: 1.5 } }, // a mean over the steps since the last log
    { step: 4, values: { eval_loss: 1.5 } },
    { step: 5, values: { train_runtime: 9 } },
  ];
  const { steps, loss, smoothed, evaluation } = lossSeries({ losses, metrics });
  expect(steps).toEqual([2, 3, 4]);
  expect(loss).toEqual([2, null, 1]);
  expect(smoothed).toEqual(loss); // too few to smooth
  expect(evaluation).toEqual([null, 1.7, 1.5]);
});

test('smoothing starts at the first value and leaves a constant alone', () => {
  expect(smooth([3, 3, 3], 0.8).map((value) => value?.toFixed(9))).toEqual([
    '3.000000000',
    '3.000000000',
    '3.000000000',
  ]);
  // By hand, weight 0.5: (0.5 * 4 * 0.5 + 0.5 * 1) / (1 - 0.25) = 1.5 / 0.75 = 2.
  expect(smooth([4, 1], 0.5)).toEqual([4, 2]);
});

test('smoothing passes over steps without a value', () => {
  expect(smooth([4, null, 1], 0.5)).toEqual([4, null, 2]);
});
