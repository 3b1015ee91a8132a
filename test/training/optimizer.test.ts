// What must hold of every optimizer: a resumed one goes on with the same bits, and no state of another is taken.
import { describe, expect, test } from 'vitest';
import { readCheckpoint, writeCheckpoint } from '../../main/checkpoints/run-state.ts';
import { flatLayout, view } from '../../main/training/flat-parameters.ts';
import { Optimizer, optimizerNames, type OptimizerSettings } from '../../main/training/optimizer.ts';
import { checkpointOfStep } from '../checkpoints/checkpoint-of-step.ts';
import { scratchFolder } from '../checkpoints/scratch.ts';
import { userErrorOf } from '../support/user-error.ts';

const layout = flatLayout(
  [
    { name: 'lora_A', shape: [16, 300] }, // 8-bit states, with a block cut short
    { name: 'lora_B', shape: [40, 16] },
    { name: 'magnitude', shape: [7] },
  ],
  ({ name }) => name !== 'magnitude',
);

const settings = (optim: OptimizerSettings['optim']): OptimizerSettings => ({
  optim,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.1,
  maxGradNorm: 1,
  loraplusLrRatio: 4,
});

const start = (): Float32Array => Float32Array.from({ length: layout.size }, (_, i) => Math.sin(i));

const bySlot = (vector: Float32Array): Float32Array[] => layout.slots.map((slot) => view(vector, slot));

function take(optimizer: Optimizer, parameters: Float32Array, steps: readonly number[]): Float32Array {
  for (const step of steps)
    optimizer.step(
      parameters,
      bySlot(Float32Array.from(parameters, (p, i) => p * 0.01 + Math.sin(i * step) * 10 ** -(i % 9))),
      1e-2 / step,
    );
  return parameters;
}

describe.each(optimizerNames)('%s', (optim) => {
  test.each([0, 1, 4])('resumed from a checkpoint of step %i it goes on with the same bits', (at) => {
    const steps = [1, 2, 3, 4, 5, 6, 7];
    const uninterrupted = new Optimizer(layout, settings(optim));
    const expected = take(uninterrupted, start(), steps);

    const first = new Optimizer(layout, settings(optim));
    const parameters = take(first, start(), steps.slice(0, at));
    const path = writeCheckpoint(scratchFolder(), {
      ...checkpointOfStep(at),
      optimizer: first.state().tensors,
    });
    take(first, parameters.slice(), steps.slice(at)); // what is on disk does not change with it

    const second = new Optimizer(layout, settings(optim));
    second.restore({ stepsTaken: at, tensors: readCheckpoint(path).optimizer }, path);
    expect(second.stepsTaken).toBe(at);
    expect(take(second, parameters, steps.slice(at))).toEqual(expected);
    expect(second.state()).toEqual(uninterrupted.state());
    expect(expected).not.toEqual(start());
  });

  test('learning rate 0 leaves the parameters alone', () => {
    const optimizer = new Optimizer(layout, settings(optim));
    const parameters = start();
    optimizer.step(parameters, bySlot(Float32Array.from(start(), Math.abs)), 0);
    expect(parameters).toEqual(start());
    expect(optimizer.stepsTaken).toBe(1);
  });
});

test.each([
  ['adamw_torch', 'adamw_8bit', 'optim: adamw_8bit needs "state1.lora_A" as uint8 [16, 300], and it is not there'],
  ['adamw_8bit', 'adamw_torch', 'optim: adamw_torch needs "exp_avg.lora_A" as float32 [16, 300], and it is not there'],
  ['adamw_8bit', 'lion', 'optim: lion needs "state1.lora_A" as float32 [16, 300], and it is uint8 [16, 300]'],
  ['sgd', 'adafactor', 'optim: adafactor needs "exp_avg_sq_row.lora_A" as float32 [16], and it is not there'],
] as const)('a state of %s is refused by %s, which stays as it was', (saved, optim, words) => {
  const from = new Optimizer(layout, settings(saved));
  take(from, start(), [1, 2]);
  const optimizer = new Optimizer(layout, settings(optim));
  const error = userErrorOf(() => {
    optimizer.restore(from.state(), 'checkpoint-2');
  });
  expect(error.code).toBe('checkpoint-misfit');
  expect(error.message).toBe(`The run cannot continue from checkpoint-2: ${words}.`);
  expect(optimizer.state()).toEqual(new Optimizer(layout, settings(optim)).state());
});

test('a gradient that overflowed is seen in the norm', () => {
  const optimizer = new Optimizer(layout, settings('sgd'));
  expect(optimizer.step(start(), bySlot(new Float32Array(layout.size).fill(Infinity)), 1)).toBe(Infinity);
  expect(optimizer.step(start(), bySlot(new Float32Array(layout.size).fill(NaN)), 1)).toBe(NaN);
});
