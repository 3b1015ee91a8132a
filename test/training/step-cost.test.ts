// What a step takes of arithmetic, against sums made by hand.
import { expect, test } from 'vitest';
import { modelFor } from '../../main/engine/models/registry.ts';
import { adapterParameters, stepOperations } from '../../main/training/step-cost.ts';
import { smolLm135M } from '../bench/write-checkpoint.ts';

test('operations of a step: 4 for each weight and token, and attention', () => {
  const model = modelFor(smolLm135M);
  const shape = { model, rank: 16, targets: model.linears, rows: 2, length: 256, labels: 512 };
  // By hand: 106,168,320 weights of layers and 28,311,552 of the head, 4,884,480 of the adapter, 30 layers of 9 heads of 64.
  const expected = 4 * (106_168_320 + 28_311_552) * 512 + 6 * 4_884_480 * 512 + 6 * 2 * 30 * 9 * 64 * 256 ** 2;
  expect(adapterParameters(shape)).toBe(4_884_480);
  expect(stepOperations(shape)).toBe(expected);
});
