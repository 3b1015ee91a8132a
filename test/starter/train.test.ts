import { expect, test } from 'vitest';
import { rateAt, type Cycle } from '../../main/starter/train.ts';
import { initialWeights } from '../../main/starter/shape.ts';

const cycle: Cycle = {
  steps: 130,
  learningRate: 1,
  warmupSteps: 10,
  horizonSteps: 210,
  coolDownSteps: 20,
  mannered: 0,
  practice: 0,
};

test('the learning rate warms up, follows a cosine and cools down', () => {
  const rate = (step: number): number => rateAt(step, [cycle]);
  expect(rate(5)).toBeCloseTo(0.5);
  expect(rate(10)).toBeCloseTo(1);
  expect(rate(60)).toBeCloseTo((1 + Math.SQRT1_2) / 2); // a quarter of the cosine
  expect(rate(110)).toBeCloseTo(0.5); // half of it; the cool-down begins here
  expect(rate(120)).toBeCloseTo(0.5 * 0.5 * (1 + Math.cos((Math.PI * 110) / 200)));
  expect(rate(130)).toBe(0);
});

test('a second cycle restarts the learning rate and changes nothing of the first', () => {
  const both = [cycle, { ...cycle, learningRate: 0.4 }];
  for (const step of [0, 20, 80, 129]) expect(rateAt(step, both)).toBe(rateAt(step, [cycle]));
  expect(rateAt(130 + 10, both)).toBeCloseTo(0.4);
});

test('first weights: norms are one, the rest is normal with the deviation of the config, by seed and name', () => {
  expect(initialWeights('model.norm.weight', 3, 1)).toEqual(Float32Array.of(1, 1, 1));
  const weights = initialWeights('model.layers.0.mlp.up_proj.weight', 40_000, 1);
  const mean = weights.reduce((a, b) => a + b, 0) / weights.length;
  const deviation = Math.sqrt(weights.reduce((sum, w) => sum + (w - mean) ** 2, 0) / weights.length);
  // Of 40 000 draws, mean and deviation lie within four standard errors: 0.04 / 200 and 0.04 / 283, times four.
  expect(Math.abs(mean)).toBeLessThan(0.0008);
  expect(Math.abs(deviation - 0.04)).toBeLessThan(0.0006);
  expect(initialWeights('a.weight', 5, 1)).not.toEqual(initialWeights('b.weight', 5, 1));
  expect(initialWeights('a.weight', 5, 1)).not.toEqual(initialWeights('a.weight', 5, 2));
  expect(initialWeights('a.weight', 5, 1)).toEqual(initialWeights('a.weight', 5, 1));
});
