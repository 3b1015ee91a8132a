import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../main/engine/graph/builder.ts';
import { symbol } from '../../../main/engine/graph/dims.ts';
import { toOnnx } from '../../../main/engine/graph/onnx.ts';
import { decodeModel } from '../../../main/engine/graph/onnx-schema.ts';
import { printGraph } from '../../../main/engine/graph/print.ts';

const seq = symbol('seq');

describe('mistakes name the op, both shapes and the place', () => {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', [2, 8, 64]);
  const y = g.input('y', 'float32', [32, 64]);
  const ids = g.input('ids', 'int32', [4]);
  const flags = g.input('flags', 'bool', [4]);
  const build = (make: () => unknown) => () => g.scope('layers.3', () => g.scope('q_proj', make));
  test.each([
    ['MatMul: inner sizes differ, [2, 8, 64] x [32, 64] (64 vs 32), at layers.3.q_proj', build(() => g.matMul(x, y))],
    ['Gemm: inner sizes differ, [32, 64] x [32, 64] (64 vs 32), at layers.3.q_proj', build(() => g.gemm(y, y))],
    ['Add: [2, 8, 64] and [32, 64] do not broadcast (8 vs 32), at layers.3.q_proj', build(() => g.add(x, y))],
    ['Add: dtypes differ, float32 and int32, at layers.3.q_proj', build(() => g.add(y, ids))],
    [
      'Reshape: [32, 64] has 2048 elements, [32, seq] has 32*seq, at layers.3.q_proj',
      build(() => g.reshape(y, [32, seq])),
    ],
    [
      'Transpose: [0, 0] is no permutation of the axes of [32, 64], at layers.3.q_proj',
      build(() => g.transpose(y, [0, 0])),
    ],
    ['Concat: [2, 8, 64] and [32, 64] differ off axis 0, at layers.3.q_proj', build(() => g.concat([x, y], 0))],
    ['Gather: indices are bool, not int64 or int32, at layers.3.q_proj', build(() => g.gather(y, flags))],
    ['Where: the condition is int32, not bool, at layers.3.q_proj', build(() => g.where(ids, y, y))],
  ])('%s', (message, make) => {
    expect(make).toThrow(message);
  });
  test('two inputs of one name', () => {
    expect(() => g.input('x', 'float32', [1])).toThrow('two tensors are named "x"');
  });
});

function small() {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', [seq, 4]);
  const w = g.weight('w', 'bfloat16', [3, 4], { location: 'model.safetensors', offset: 80, length: 24 });
  const unused = g.input('unused', 'float32', [7]);
  const y = g.scope('layer', () => g.gemm(x, g.cast(w, 'float32'), { transB: true }));
  g.mul(unused, unused);
  return g.finish('small', [{ name: 'y', tensor: g.reshape(y, [3, seq]) }]);
}

test('the printed graph', () => {
  expect(printGraph(small())).toBe(`graph small {
  input x : float32[seq, 4]
  # layer
  %0 = Cast(w:w) {to: float32} : float32[3, 4]
  %1 = Gemm(x, %0) {transA: false, transB: true, alpha: 1} : float32[seq, 3]
  # (top)
  %2 = Reshape(%1) {shape: [3, seq]} : float32[3, seq]
  output y = %2 : float32[3, seq]
}
`);
});

test('the ONNX model names weights by file and byte range and leaves out what nothing needs', () => {
  const compiled = toOnnx(small());
  expect(compiled.inputs.map(({ name }) => name)).toEqual(['x']);
  expect(compiled.hostDims).toEqual([]); // one unknown size is -1, which ONNX works out
  const { graph, ir_version, opset_import } = decodeModel(compiled.bytes) as {
    ir_version: number;
    opset_import: { domain?: string; version: number }[];
    graph: {
      node: { op_type: string; input: string[]; output: string[] }[];
      initializer: { name: string; external_data: { key: string; value: string }[]; dims: number[] }[];
    };
  };
  expect(ir_version).toBe(10);
  expect(opset_import.map(({ version }) => version)).toEqual([21, 1]);
  expect(graph.node.map(({ op_type }) => op_type)).toEqual(['Cast', 'Gemm', 'Reshape']);
  expect(graph.node.at(-1)?.output).toEqual(['y']);
  const weight = graph.initializer.find(({ name }) => name === 'w');
  expect(weight?.dims).toEqual([3, 4]);
  expect(Object.fromEntries((weight?.external_data ?? []).map(({ key, value }) => [key, value]))).toEqual({
    location: 'model.safetensors',
    offset: '80',
    length: '24',
  });
});

test('sizes that ONNX cannot work out come from the host', () => {
  const g = new GraphBuilder();
  const batch = symbol('batch');
  const x = g.input('x', 'float32', [batch, seq, 6]);
  const flat = g.reshape(x, [seq, batch, 6]);
  expect(toOnnx(g.finish('turned', [{ name: 'y', tensor: flat }])).hostDims).toEqual([
    { name: 'dims:seq,batch,6', dims: [seq, batch, 6] },
  ]);
});
