// Every graph that the program makes, node by node, against the kernels that ONNX Runtime has on each device: a node
// without one would be computed by the processor, a trip there and back in every step, or end the run.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../main/engine/graph/builder.ts';
import { toOnnx } from '../../main/engine/graph/onnx.ts';
import { ops } from '../../main/engine/graph/ops.ts';
import { everyGraph } from '../support/every-graph.ts';
import { graphFacts, kernelTable, missingKernels } from '../support/kernel-table.ts';

const graphs = (await everyGraph()).map(({ title, graph }) => ({
  title,
  name: graph.name,
  ...graphFacts(graph.bytes),
}));
const lacks = (device: string, given = graphs): string[] => {
  const table = kernelTable(device);
  return given.flatMap(({ title, ...facts }) => missingKernels(facts, table).map((node) => `${title}: ${node}`));
};
const inSixteenBits = ({ title }: { title: string }): boolean => /products in|rounded to/.test(title);
const isFed = ({ title }: { title: string }): boolean => /, fed,|norm of the gradients|AdamW|^conformance/.test(title);

test('CUDA and the processor have a kernel for every node of every graph', () => {
  expect(lacks('cuda')).toEqual([]);
  // Where products are asked for in 16 bits, it rounds what goes into them and computes in float32.
  const given = graphs.filter(({ title }) => !title.includes('products in'));
  expect(given.some(inSixteenBits)).toBe(true);
  expect(lacks('cpu', given)).toEqual([]);
});

test('in 16 bits nothing but products and casts computes in 16 bits', () => {
  const kinds = graphs.filter(({ title }) => title.includes('products in')).flatMap((graph) => graph.kinds);
  const low = kinds.filter(({ inputs, output }) => [...inputs, output].some((dtype) => dtype?.endsWith('float16')));
  // Rows of a table that is stored in 16 bits are looked up before they are cast.
  expect([...new Set(low.map(({ op }) => op))].sort()).toEqual(['Cast', 'Gather', 'Gemm', 'MatMul']);
});

test('WebGPU has one for every node of the graphs that it is given', () => {
  const given = graphs.filter(isFed);
  expect(given.length).toBeGreaterThan(100);
  expect(lacks('webgpu', given)).toEqual([]);
});

test('DirectML lacks two, so that it needs weights as they are fed to WebGPU and another product in four bits', () => {
  const given = graphs.filter((graph) => !inSixteenBits(graph));
  const nodes = new Set(lacks('dml', given).map((found) => found.slice(found.lastIndexOf(': ') + 2)));
  expect([...nodes].sort()).toEqual([
    'Cast bfloat16 -> float32',
    'Gather bfloat16, int32 -> bfloat16',
    'MatMulBnb4 float32, uint8, float32 -> float32',
  ]);
});

describe('what these tests read', () => {
  test('covers every op and every graph that the program has', () => {
    const { kernels } = kernelTable('cuda');
    const written = Object.values(ops).flatMap(({ onnx }) => (onnx === '' ? [] : [onnx]));
    expect(Object.keys(kernels).sort()).toEqual([...new Set([...written, 'Identity'])].sort());
    // The last two never leave the processor or WebGPU, which are asked by tests that run them.
    const names = new Set(graphs.map(({ name }) => name));
    expect(namesInSources().filter((name) => !names.has(name))).toEqual(['copy', 'product']);
  });

  test.each([
    ['a dtype without a kernel', (g: GraphBuilder) => g.log(g.input('x', 'bfloat16', [2])), 'Log bfloat16 -> bfloat16'],
    [
      'a choice between truths',
      (g: GraphBuilder) =>
        g.where(...(['a', 'b', 'c'].map((name) => g.input(name, 'bool', [2])) as [never, never, never])),
      'Where bool, bool, bool -> bool',
    ],
    [
      'the largest of integers',
      (g: GraphBuilder) => g.op('ArgMax', [g.input('x', 'int64', [2, 2])], {}),
      'ArgMax int64 -> int64',
    ],
    ['a cast to four bits', (g: GraphBuilder) => g.cast(g.input('x', 'float32', [2]), 'int4'), 'Cast float32 -> int4'],
  ])('%s is found', (_, build, found) => {
    const g = new GraphBuilder();
    // Behind another node, whose dtype has to be followed.
    const { bytes } = toOnnx(g.finish('made up', [{ name: 'y', tensor: g.reshape(build(g), [1, 2]) }]));
    expect(missingKernels(graphFacts(bytes), kernelTable('cuda'))).toContain(found);
  });

  test('an op that no table knows is found', () => {
    const g = new GraphBuilder();
    const { bytes } = toOnnx(g.finish('made up', [{ name: 'y', tensor: g.exp(g.input('x', 'float32', [2])) }]));
    const { Exp: _, ...kernels } = kernelTable('cuda').kernels;
    expect(missingKernels(graphFacts(bytes), { ...kernelTable('cuda'), kernels })).toEqual(['Exp float32 -> float32']);
  });
});

/** What the sources call their graphs: g.finish('gradients', …). */
function namesInSources(): string[] {
  const main = join(import.meta.dirname, '../../main');
  const files = readdirSync(main, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const found = files.flatMap((name) => [...readFileSync(join(main, name), 'utf8').matchAll(/\.finish\('([^']+)'/g)]);
  return [...new Set(found.map(([, name = '']) => name))].sort();
}
