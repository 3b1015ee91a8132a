// Every op of the table, and its gradient, against PyTorch in float64.
import { describe, expect, test } from 'vitest';
import { gradients } from '../../main/engine/autodiff/gradients.ts';
import { GraphBuilder } from '../../main/engine/graph/builder.ts';
import { toOnnx } from '../../main/engine/graph/onnx.ts';
import { type OpAttributes, type OpName, ops } from '../../main/engine/graph/ops.ts';
import type { DType } from '../../main/engine/graph/tensor.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import type { TensorData } from '../../main/engine/runtime/runtime.ts';
import { goldensFolder, readJson, relativeError } from '../support/goldens.ts';

type Value = { dtype: DType; shape: number[]; data: number[] };
type Case = {
  name: string;
  attributes: OpAttributes[OpName];
  inputs: Value[];
  output: Value;
  output_gradient?: Value;
  gradients?: (Value | null)[];
};

const runtime = await openRuntime({ device: 'cpu' });
const names = (Object.keys(ops) as OpName[]).filter((op) => ops[op].onnx !== '');

/** One rounding in float32 is 6e-8; exponentials and sums of some terms lose a digit. */
const tolerance = 2e-6;

describe.each(names)('%s', (op) => {
  test.each(readJson(`${goldensFolder}/ops/${op}.json`) as Case[])('$name', async (golden) => {
    const results = await evaluate(op, golden);
    expect(relativeError(results.get('output') ?? [], golden.output.data)).toBeLessThan(tolerance);
    const arriving = golden.output_gradient?.data ?? [];
    for (const [i, gradient] of golden.gradients?.entries() ?? []) {
      const found = results.get(`gradient ${i}`);
      if (!gradient) expect(found).toBeUndefined();
      // Where an op saturates, 1 - y keeps no digits: the error is one of the gradient that arrives.
      else expect(distance(found ?? [], gradient.data) / size([...gradient.data, ...arriving])).toBeLessThan(tolerance);
    }
  });
});

/** The op's output, and the gradient of each of its inputs that PyTorch has one for. */
async function evaluate(op: OpName, golden: Case): Promise<Map<string, number[]>> {
  const g = new GraphBuilder();
  const feeds = new Map<string, Value>();
  const feed = (name: string, value: Value) => {
    feeds.set(name, value);
    return g.input(name, value.dtype, value.shape);
  };
  const inputs = golden.inputs.map((value, i) => feed(`input ${i}`, value));
  const output = g.op(op, inputs, golden.attributes);
  expect({ dtype: output.dtype, shape: output.shape }).toEqual({
    dtype: golden.output.dtype,
    shape: golden.output.shape,
  });
  // 16-bit tensors have no host form in JavaScript.
  const readable = output.dtype.endsWith('float16') ? g.cast(output, 'float32') : output;
  const outputs = [{ name: 'output', tensor: readable }];
  if (golden.output_gradient) {
    const wanted = inputs.filter((_, i) => golden.gradients?.[i]);
    const found = gradients(g, new Map([[output, feed('output gradient', golden.output_gradient)]]), wanted);
    for (const [i, input] of inputs.entries()) {
      const gradient = found.get(input);
      if (gradient) outputs.push({ name: `gradient ${i}`, tensor: gradient });
    }
  }
  const graph = toOnnx(g.finish(op, outputs));
  const session = await runtime.createSession(graph, { memory: 'fast' });
  const tensors = graph.inputs.map(({ name }) => {
    const value = feeds.get(name);
    if (!value) throw new Error(`no input ${name}`);
    return [name, runtime.tensor(value.dtype, value.shape, hostData(value))] as const;
  });
  const results = await session.run(new Map(tensors));
  const read = await Promise.all(
    [...results].map(async ([name, tensor]) => [name, Array.from(await runtime.read(tensor), Number)] as const),
  );
  await session.dispose();
  return new Map(read);
}

function distance(a: number[], b: number[]): number {
  return a.length === b.length ? Math.hypot(...a.map((value, i) => value - (b[i] ?? 0))) : Number.NaN;
}

function size(values: number[]): number {
  return Math.hypot(...values);
}

function hostData({ dtype, data }: Value): TensorData {
  if (dtype === 'float32') return Float32Array.from(data);
  if (dtype === 'bool') return Uint8Array.from(data, Number);
  return Int32Array.from(data);
}
