// The estimate of a run's memory against peaks that were measured: resident memory of whole job processes on random
// weights, by `npm run bench:memory` (test/bench/memory-grid.ts).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modelFor } from '../../main/engine/models/registry.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import type { Method } from '../../main/recipe/recipe.ts';
import { runShape } from '../../main/training/run-shape.ts';
import { stepMemory } from '../../main/training/step-memory.ts';
import { gridRecipe, gridSizes, memoryGrid, memoryShapes, type MeasuredSetting } from '../bench/memory-settings.ts';
import { goldensFolder } from '../support/goldens.ts';

const measured = JSON.parse(readFileSync(join(goldensFolder, 'memory-grid.json'), 'utf8')) as {
  tokenizerBytes: number;
  settings: MeasuredSetting[];
};

test('every setting of the grid was measured', () => {
  expect(measured.settings.map(({ name }) => name)).toEqual(memoryGrid.map(({ name }) => name));
  expect(memoryGrid.length).toBeGreaterThanOrEqual(24);
  expect(memoryGrid.filter(({ heldOut }) => heldOut).length).toBeGreaterThanOrEqual(8);
});

test.each(measured.settings)('$name: about $peakBytes bytes', (setting) => {
  const { recipe } = parseRecipe<Method>(setting.method, {
    model_name_or_path: 'm',
    dataset_name: 'd',
    ...gridRecipe(setting),
  });
  const shape = runShape(recipe, {
    model: modelFor(memoryShapes[setting.shape]),
    dtypeOf: () => (setting.dtype === 'BF16' ? 'bfloat16' : 'float32'),
    tokenizerBytes: measured.tokenizerBytes,
    device: 'cpu',
    sizes: gridSizes(setting),
  });
  const { weights, activations, optimizer, overhead } = stepMemory(shape);
  const ratio = (weights + activations + optimizer + overhead) / setting.peakBytes;
  // Too little is worse than too much: a run that was said to fit would end without memory.
  expect(ratio).toBeGreaterThan(0.95);
  expect(ratio).toBeLessThan(1.15);
});
