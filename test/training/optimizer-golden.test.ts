// Twelve steps of each optimizer beside torch's, transformers' or bitsandbytes' own: clipping that bites in most steps,
// weight decay on some parameters, a learning rate that falls, and LoRA+ as PEFT sets it up.
import { describe, expect, test } from 'vitest';
import { flatLayout, view } from '../../main/training/flat-parameters.ts';
import { Optimizer, optimizerNames, type OptimizerName } from '../../main/training/optimizer.ts';
import { goldensFolder, readJson, readStateTensors } from '../support/goldens.ts';

type Golden = {
  optim: OptimizerName;
  adam_beta1: number;
  adam_beta2: number;
  adam_epsilon: number;
  weight_decay: number;
  max_grad_norm: number;
  loraplus_lr_ratio?: number;
  no_decay: string[];
  parameters: { name: string; shape: number[] }[];
  learning_rates: number[];
  norms: number[];
};

function open(name: string, optim?: OptimizerName) {
  const golden = readJson(`${goldensFolder}/optim/${name}.json`) as Golden;
  const tensors = readStateTensors(`${goldensFolder}/optim/${name}.safetensors`);
  const layout = flatLayout(golden.parameters, (spec) => !golden.no_decay.includes(spec.name));
  const optimizer = new Optimizer(layout, {
    optim: optim ?? golden.optim,
    beta1: golden.adam_beta1,
    beta2: golden.adam_beta2,
    epsilon: golden.adam_epsilon,
    weightDecay: golden.weight_decay,
    maxGradNorm: golden.max_grad_norm,
    ...(golden.loraplus_lr_ratio === undefined ? {} : { loraplusLrRatio: golden.loraplus_lr_ratio }),
  });
  const parameters = new Float32Array(layout.size);
  const load = (when: string): void => {
    for (const slot of layout.slots) view(parameters, slot).set(tensors.get(`${when}.${slot.name}`)?.data ?? []);
  };
  const take = (step: number): number => {
    const gradients = layout.slots.map(({ name, size }) => {
      const index = golden.parameters.findIndex((spec) => spec.name === name);
      return gradient(step, index, size);
    });
    return optimizer.step(parameters, gradients, golden.learning_rates[step - 1] ?? Number.NaN);
  };
  load('start');
  return { golden, tensors, layout, optimizer, parameters, load, take };
}

/** The same numbers as in optim_goldens.py. */
function gradient(step: number, index: number, size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => {
    const x = hashed(step * 64 + index, i);
    return (((x >>> 8) % 2049) - 1024) * 2 ** -(10 + (x % 12)) * (step % 3 === 2 ? 0.02 : 0.1);
  });
}

function hashed(seed: number, i: number): number {
  let x = Math.imul(seed, 0x9e3779b1) + Math.imul(i, 0x85ebca77);
  x ^= x >>> 15;
  x = Math.imul(x, 0x2c1b3c6d);
  return (x ^ (x >>> 12)) >>> 0;
}

/** Largest difference of a parameter from the golden after a step, over the parameters that it keeps. */
function furthest({ tensors, layout, parameters }: ReturnType<typeof open>, step: number): number {
  let [most, compared] = [0, 0];
  for (const slot of layout.slots) {
    const expected = tensors.get(`after.${step}.${slot.name}`)?.data;
    if (!expected) continue;
    for (const [i, value] of view(parameters, slot).entries())
      most = Math.max(most, Math.abs(value - (expected[i] ?? Number.NaN)));
    compared += 1;
  }
  expect(compared).toBeGreaterThan(1);
  return most;
}

describe.each<[golden: string, optim?: OptimizerName]>([
  ['adamw_torch'],
  ['adamw_torch', 'adamw_torch_fused'],
  ['adamw_torch', 'paged_adamw_32bit'],
  ['sgd'],
  ['lion'],
  ['lion', 'lion_32bit'],
  ['adafactor'],
  ['loraplus'],
])('%s %s', (name, optim) => {
  test('goes where the reference goes', () => {
    const run = open(name, optim);
    for (const [i, norm] of run.golden.norms.entries()) {
      // The norm is a float32 sum over thousands of squares there.
      expect(run.take(i + 1)).toBeCloseTo(norm, 5);
      // Parameters lie within 2 of 0: a float32 step there is 1.2e-7, and there are twelve.
      expect(furthest(run, i + 1), `step ${i + 1}`).toBeLessThan(2e-6);
    }
  });
});

test('the goldens have steps with clipping and without', () => {
  const { norms } = open('adamw_torch').golden;
  expect(Math.max(...norms)).toBeGreaterThan(1);
  expect(Math.min(...norms)).toBeLessThan(1);
});

describe('adamw_8bit', () => {
  const kinds = ['state1', 'absmax1', 'state2', 'absmax2'];
  const large = ['large', 'blocks'];

  /** Puts the optimizer where bitsandbytes was after a step. */
  function resumeAt(run: ReturnType<typeof open>, step: number): void {
    const from = run.optimizer.state();
    for (const name of from.tensors.keys()) {
      const [kind = '', parameter = ''] = name.split('.');
      const theirs = kind === 'exp_avg' ? 'state1' : kind === 'exp_avg_sq' ? 'state2' : kind;
      const saved = run.tensors.get(`after.${step}.${theirs}.${parameter}`);
      if (saved) from.tensors.set(name, saved);
    }
    run.optimizer.restore({ stepsTaken: step, tensors: from.tensors }, 'the golden');
    run.load(`after.${step}`);
  }

  function expectSameStates(run: ReturnType<typeof open>, step: number, differing: number): void {
    const { tensors } = run.optimizer.state();
    for (const name of large)
      for (const kind of kinds) {
        const [ours, theirs] = [tensors.get(`${kind}.${name}`), run.tensors.get(`after.${step}.${kind}.${name}`)];
        expect(ours?.data.constructor).toBe(theirs?.data.constructor);
        if (ours?.data instanceof Uint8Array) {
          const distances = Array.from(ours.data, (code, i) => Math.abs(code - (theirs?.data[i] ?? Number.NaN)));
          expect(Math.max(...distances), `${kind} ${name}`).toBeLessThanOrEqual(1);
          const others = distances.filter((distance) => distance > 0).length;
          expect(others / distances.length, `${kind} ${name}`).toBeLessThanOrEqual(differing);
        } else
          for (const [i, scale] of ours?.data.entries() ?? [])
            // The largest of a block, after at most twelve float32 roundings.
            expect(Math.abs(scale / (theirs?.data[i] ?? Number.NaN) - 1), `${kind} ${name}`).toBeLessThan(1e-6);
      }
  }

  test.each([
    [1, 2],
    [7, 8],
  ])('from its states after step %i, step %i is the same', (before, step) => {
    const run = open('adamw_8bit');
    resumeAt(run, before);
    run.take(step);
    // Where the second average is rounded to 0 steps are large: parameters reach 7, where a float32 step is 5e-7.
    expect(furthest(run, step)).toBeLessThan(1e-6);
    // A value within float32 rounding of the middle of two codes may go to either: one in ten thousand.
    expectSameStates(run, step, 3e-4);
  });

  test.each(['adamw_8bit', 'adamw_bnb_8bit', 'paged_adamw_8bit'] as const)('%s: twelve steps', (optim) => {
    const run = open('adamw_8bit', optim);
    for (const [i, norm] of run.golden.norms.entries()) {
      expect(run.take(i + 1)).toBeCloseTo(norm, 5);
      if ([1, 2, 7, 8, 12].includes(i + 1)) expectSameStates(run, i + 1, 1e-3);
      // A code that differs by one moves its parameter by a hundredth of a step, and a step is at most 0.01.
      expect(furthest(run, i + 1)).toBeLessThan(2e-4);
    }
  });

  test('rounding the states is felt: float32 states lead elsewhere', () => {
    const run = open('adamw_8bit', 'adamw_torch');
    for (const [i] of run.golden.norms.entries()) run.take(i + 1);
    expect(furthest(run, 12)).toBeGreaterThan(2e-3);
  });

  test('two bytes an element and a scale for 256, in memory and so in checkpoints; small parameters in float32', () => {
    const { tensors } = open('adamw_8bit').optimizer.state();
    const bytes = (name: string): number =>
      [...tensors].reduce((sum, [key, { data }]) => sum + (key.endsWith(`.${name}`) ? data.byteLength : 0), 0);
    expect(bytes('large')).toBe(2 * (67 * 64 + 4 * 17));
    expect(bytes('blocks')).toBe(2 * (4096 + 4 * 16)); // 4096 elements are enough
    expect(bytes('matrix')).toBe(2 * 4 * 54);
  });
});

test('every name has been compared', () => {
  const compared = ['adamw_torch', 'adamw_torch_fused', 'paged_adamw_32bit', 'sgd', 'lion', 'lion_32bit', 'adafactor'];
  const in8Bits = ['adamw_8bit', 'adamw_bnb_8bit', 'paged_adamw_8bit'];
  expect([...compared, ...in8Bits, 'paged_lion_32bit'].sort()).toEqual([...optimizerNames].sort());
});
