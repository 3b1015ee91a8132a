// Every op of the table: its output and gradients against PyTorch's in float64 (test/goldens/ops), and its gradients
// against finite differences, also with one value fed to several inputs.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type OpAttributes, type OpName, ops } from '../../../main/engine/graph/ops.ts';
import { goldensFolder } from '../../support/goldens.ts';
import { finiteDifferences, openOp, type OpCall, type Value } from '../../support/op-harness.ts';

type Case = {
  name: string;
  attributes: OpAttributes[OpName];
  inputs: Value[];
  output: Value;
  output_gradient?: Value;
  gradients?: (Value | null)[];
};

// Without a golden: the first has no output of its own, and checkpoint and cross-entropy tests cover it; the others
// decode frozen weights, of which no host array holds int4: training/four-bit-golden.test.ts has bitsandbytes' numbers.
const untested: readonly OpName[] = ['CustomGradient', 'DequantizeLinear', 'MatMulBnb4'];
const names = (Object.keys(ops) as OpName[]).filter((name) => !untested.includes(name));

function expectClose(actual: readonly number[] | undefined, expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs).filter(Number.isFinite));
  expected.forEach((value, i) => {
    if (Number.isFinite(value)) expect(Math.abs((actual?.[i] ?? Number.NaN) - value) / scale).toBeLessThan(tolerance);
    else expect(actual?.[i]).toBe(value);
  });
}

// Kinks, where a difference quotient says nothing: equal or nearly equal maxima, values beside 0.
const kinked: readonly OpName[] = ['ReduceMax'];

describe.each(names)('%s', (op) => {
  const file = `${goldensFolder}/ops/${op}.json`;
  const cases = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Case[]) : [];
  test('has goldens', () => {
    expect(cases.length).toBeGreaterThan(1);
  });
  test.each(cases)('$name', async ({ attributes, inputs, output, output_gradient: seed, gradients }) => {
    const call: OpCall = { op, attributes, inputs };
    const opened = await openOp(call, seed?.data);
    const result = await opened.run(inputs);
    // bfloat16 keeps 8 bits of a number, float16 11: the golden holds the rounded value, so they agree exactly too
    expectClose(result.output, output.data.map(Number), 2e-6);
    expect(opened.shape).toEqual(output.shape);
    for (const [i, expected] of (gradients ?? []).entries()) {
      if (!expected) continue;
      expectClose(result.gradients[i], expected.data, 5e-6);
      if (!seed || kinked.includes(op) || op === 'Cast') continue;
      // The quotient's own error: float32 rounding / step + third derivative * step^2, at a step of 1e-2
      const size = Math.max(1, ...expected.data.map(Math.abs));
      if (size < 50) expectClose(await finiteDifferences(call, seed.data, i), expected.data, 2e-3);
    }
    await opened.dispose();
  });
});

const x: Value = { dtype: 'float32', shape: [2, 2], data: [0.5, -1.25, 2, 0.75] };
const condition: Value = { dtype: 'bool', shape: [2, 1], data: [1, 0] };
const repeated: [string, OpCall][] = [
  ['Add', { op: 'Add', attributes: {}, inputs: [x], wiring: [0, 0] }],
  ['Sub', { op: 'Sub', attributes: {}, inputs: [x], wiring: [0, 0] }],
  ['Mul', { op: 'Mul', attributes: {}, inputs: [x], wiring: [0, 0] }],
  ['Div', { op: 'Div', attributes: {}, inputs: [x], wiring: [0, 0] }],
  ['MatMul', { op: 'MatMul', attributes: {}, inputs: [x], wiring: [0, 0] }],
  ['Gemm', { op: 'Gemm', attributes: { transA: true, transB: false, alpha: 0.5 }, inputs: [x], wiring: [0, 0, 0] }],
  ['Concat', { op: 'Concat', attributes: { axis: 1 }, inputs: [x], wiring: [0, 0] }],
  ['Where', { op: 'Where', attributes: {}, inputs: [x, condition], wiring: [1, 0, 0] }],
];
test.each(repeated)('%s with one value as several inputs', async (_, call) => {
  const plain = await openOp(call);
  const size = plain.shape.reduce((a, b) => a * b, 1);
  await plain.dispose();
  const seed = Array.from({ length: size }, (_, i) => 1 - 0.4 * i);
  const opened = await openOp(call, seed);
  const { gradients } = await opened.run(call.inputs);
  await opened.dispose();
  expectClose(gradients[0], await finiteDifferences(call, seed, 0), 2e-3);
});
