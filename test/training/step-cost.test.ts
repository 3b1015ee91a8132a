// What a step takes of arithmetic, against sums made by hand.
import { expect, test } from 'vitest';
import { modelFor } from '../../main/engine/models/registry.ts';
import { adapterParameters, stepOperations } from '../../main/training/step-cost.ts';
import { smolLm135M } from '../bench/write-checkpoint.ts';

test('operations of a step: 4 for each weight and token, and attention', () => {
  const model = modelFor(smolLm135M);
  const shape = { model, rank: 16, targets: model.linears, sequences: 2, length: 256 };
  // By hand: 134,515,008 weights, 4,884,480 of the adapter, 30 layers of 9 heads of 64.
  const expected = 4 * 134_515_008 * 512 + 6 * 4_884_480 * 512 + 6 * 2 * 30 * 9 * 64 * 256 ** 2;
  expect(adapterParameters(shape)).toBe(4_884_480);
  expect(stepOperations(shape)).toBe(expected);
});
