// Values of transformers' get_scheduler (5.x), read off its LambdaLR for a peak rate of 1.
import { expect, test } from 'vitest';
import { learningRateAt, type SchedulerType } from '../../../main/engine/optim/schedule.ts';

const rates = (type: SchedulerType, warmupSteps: number, totalSteps: number): number[] =>
  Array.from({ length: totalSteps }, (_, step) =>
    learningRateAt({ type, learningRate: 1, warmupSteps, totalSteps }, step),
  );

test.each([
  ['linear', 2, [0, 0.5, 1, 0.75, 0.5, 0.25]],
  ['cosine', 2, [0, 0.5, 1, 0.8535533905932737, 0.5, 0.14644660940672627]],
  ['constant', 2, [1, 1, 1, 1, 1, 1]],
  ['constant_with_warmup', 4, [0, 0.25, 0.5, 0.75, 1, 1]],
  ['linear', 0, [1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]],
] as const)('%s with %i steps of warmup', (type, warmup, expected) => {
  rates(type, warmup, 6).forEach((rate, i) => {
    expect(rate).toBeCloseTo(expected[i] ?? Number.NaN, 12);
  });
});
