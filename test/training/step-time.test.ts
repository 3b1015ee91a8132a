// The estimate's times beside measured ones: SmolLM2-135M's shape, LoRA r 16 on all linear layers, one step in
// milliseconds (test/bench/step-times.ts, two cores of a Xeon with AVX-512).
import { expect, test } from 'vitest';
import { modelFor } from '../../main/engine/models/registry.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import type { Method } from '../../main/recipe/recipe.ts';
import { stepWork } from '../../main/training/step-time.ts';
import { smolLm135M } from '../bench/write-checkpoint.ts';

const model = modelFor(smolLm135M);
const workOf = (keys: Record<string, unknown>, rows: number, length: number): number => {
  const { recipe } = parseRecipe<Method>('sft', {
    ...{ model_name_or_path: 'm', dataset_name: 'd', use_peft: true, per_device_train_batch_size: rows },
    ...{ gradient_accumulation_steps: 1, ...keys },
  });
  return stepWork(recipe, { model, rank: 16, targets: model.linears, rows, length, labels: rows * length });
};

const recompute = { gradient_checkpointing: true };
const fourBit = { load_in_4bit: true };
const both = { ...recompute, ...fourBit };
const measured = [
  [{}, 1, 64, 268],
  [{}, 1, 128, 411],
  [{}, 1, 256, 697],
  [{}, 2, 256, 1273],
  [{}, 4, 256, 2484],
  [recompute, 1, 64, 696],
  [recompute, 1, 128, 844],
  [recompute, 1, 256, 1266],
  [recompute, 2, 256, 2066],
  [recompute, 4, 256, 3717],
  [fourBit, 1, 64, 719],
  [fourBit, 1, 128, 883],
  [fourBit, 1, 256, 1244],
  [fourBit, 2, 256, 1910],
  [fourBit, 4, 256, 3254],
  [both, 1, 64, 851],
  [both, 1, 128, 994],
  [both, 1, 256, 1440],
  [both, 2, 256, 2235],
  [both, 4, 256, 3957],
] as const;

test.each(measured)('%j, %d x %d: %d ms', (keys, rows, length, ms) => {
  const ratio = workOf(keys, rows, length) / workOf({}, 2, 256);
  expect(Math.abs(ratio / (ms / 1273) - 1)).toBeLessThan(0.12);
});

test('smaller batches and an optimizer in 8 bit are not free', () => {
  const whole = workOf({}, 4, 64);
  const halves = workOf({ gradient_accumulation_steps: 2 }, 2, 64);
  expect(halves / whole).toBeGreaterThan(1.02);
  // By docs/performance.md, 4.9 million parameters take about 105 instead of 38 ms.
  const extra = (workOf({ optim: 'adamw_8bit' }, 2, 256) / workOf({}, 2, 256) - 1) * 1273;
  expect(extra).toBeGreaterThan(50);
  expect(extra).toBeLessThan(85);
});
