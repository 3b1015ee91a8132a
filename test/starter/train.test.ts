import { expect, test } from 'vitest';
import { rateAt, type StarterTraining } from '../../main/starter/train.ts';
import { initialWeights } from '../../main/starter/shape.ts';

const training: StarterTraining = {
  seed: 1,
  warmupSteps: 10,
  horizonSteps: 210,
  learningRate: 1,
  weightDecay: 0,
  rowsPerBatch: 1,
  rowLength: 8,
};

test('the learning rate warms up, follows a cosine and cools down', () => {
  const end = { steps: 130, coolDownSteps: 20 };
  expect(rateAt(5, training, end)).toBeCloseTo(0.5);
  expect(rateAt(10, training, end)).toBeCloseTo(1);
  expect(rateAt(60, training, end)).toBeCloseTo((1 + Math.SQRT1_2) / 2); // a quarter of the cosine
  expect(rateAt(110, training, end)).toBeCloseTo(0.5); // half of it; the cool-down begins here
  expect(rateAt(120, training, end)).toBeCloseTo(0.5 * 0.5 * (1 + Math.cos((Math.PI * 110) / 200)));
  expect(rateAt(130, training, end)).toBe(0);
});

test('where training ends changes nothing before the cool-down', () => {
  for (const step of [0, 20, 80])
    expect(rateAt(step, training, { steps: 100, coolDownSteps: 20 })).toBe(
      rateAt(step, training, { steps: 200, coolDownSteps: 20 }),
    );
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
