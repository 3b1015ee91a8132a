// Weights that are fed in pairs, beside ONNX Runtime's own casts: all 65536 codes of both formats bit for bit, and products,
// their way back and look-ups of a table that is cut, beside those of the whole one.
import { describe, expect, test } from 'vitest';
import { gradients } from '../../../main/engine/autodiff/gradients.ts';
import { GraphBuilder } from '../../../main/engine/graph/builder.ts';
import { toOnnx } from '../../../main/engine/graph/onnx.ts';
import { frozenWeights } from '../../../main/engine/nn/weights.ts';
import { openRuntime } from '../../../main/engine/runtime/onnxruntime-node.ts';
import { type Runtime, readFloat32, type RuntimeTensor } from '../../../main/engine/runtime/runtime.ts';
import { hasSoftwareGpu } from '../../support/software-gpu.ts';

const formats = ['float16', 'bfloat16'] as const;
const [rows, width] = [1024, 64];
const codes = Uint16Array.from({ length: rows * width }, (_, code) => code);

/** What ONNX Runtime's Cast makes of a constant. */
async function castBy(runtime: Runtime, dtype: (typeof formats)[number], values: Uint16Array, shape: number[]) {
  const g = new GraphBuilder();
  const constant = g.constant('codes', dtype, shape, values);
  const graph = toOnnx(g.finish('cast', [{ name: 'y', tensor: g.cast(constant, 'float32') }]));
  const session = await runtime.createSession(graph, { memory: 'lean' });
  return readFloat32(runtime, (await session.run(new Map())).get('y'));
}

const bitsOf = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length).map((bits, i) =>
    Number.isNaN(values[i]) ? 0x7fc00000 : bits,
  );

const host = await openRuntime({ device: 'cpu' });

describe.each(hasSoftwareGpu ? ['cpu', 'webgpu'] : ['cpu'])('on %s', (device) => {
  test.each(formats)('every code of %s is the number that the format says', async (dtype) => {
    const runtime = await openRuntime({ device });
    const g = new GraphBuilder();
    const stored = new Map([['w', { dtype, shape: [rows, width], data: { location: '', offset: 0, length: 0 } }]]);
    const y = frozenWeights(g, stored, { fed: true }).get('w');
    const session = await runtime.createSession(toOnnx(g.finish('decode', [{ name: 'y', tensor: y }])), {
      memory: 'fast',
    });
    const pairs = runtime.tensor('uint32', [rows, width / 2], new Uint32Array(codes.buffer));
    const found = await readFloat32(runtime, (await session.run(new Map([['w', pairs]]))).get('y'));
    expect(bitsOf(found)).toEqual(bitsOf(await castBy(host, dtype, codes, [rows, width])));
    await runtime.close();
  });

  test('a weight that is cut multiplies, leads back and is looked up in as a whole one', async () => {
    const runtime = await openRuntime({ device });
    const shape = [11, 6];
    // bfloat16 numbers of size 1
    const values = Uint16Array.from({ length: 66 }, (_, i) => 0x3f00 + ((i * 37) % 160) + (i % 3 === 0 ? 0x8000 : 0));
    const x = Float32Array.from({ length: 4 * 6 }, (_, i) => Math.sin(i));
    const y = Float32Array.from({ length: 4 * 11 }, (_, i) => Math.cos(i));
    const results = async (cut: boolean): Promise<Float32Array[]> => {
      const g = new GraphBuilder();
      const stored = new Map([
        ['w', { dtype: 'bfloat16' as const, shape, data: { location: '', offset: 0, length: 0 } }],
      ]);
      const weights = frozenWeights(g, stored, { fed: true, partElements: cut ? 24 : 1000 });
      expect(weights.isCut('w')).toBe(cut);
      const input = g.parameter('x', [4, 6]);
      const product = weights.product('w', input, { alpha: 0.5 });
      const found = gradients(g, new Map([[product, g.input('y', 'float32', [4, 11])]]), [input]).get(input);
      const ids = g.constant('ids', 'int32', [3], Int32Array.of(10, 0, 10));
      const outputs = [product, weights.back('w', g.input('z', 'float32', [4, 11])), weights.rows('w', ids), found];
      const graph = toOnnx(
        g.finish(
          'products',
          outputs.flatMap((tensor, i) => (tensor ? [{ name: `y${i}`, tensor }] : [])),
        ),
      );
      const session = await runtime.createSession(graph, { memory: 'fast' });
      const fed = new Map<string, RuntimeTensor>([
        ['w', runtime.tensor('uint32', [11, 3], new Uint32Array(values.buffer))],
        ['x', runtime.tensor('float32', [4, 6], x)],
        ['y', runtime.tensor('float32', [4, 11], y)],
        ['z', runtime.tensor('float32', [4, 11], y)],
      ]);
      const answers = await session.run(fed);
      return Promise.all(graph.outputs.map((name) => readFloat32(runtime, answers.get(name))));
    };
    const w = await castBy(host, 'bfloat16', values, shape);
    const at = (row: number, column: number): number => w[row * 6 + column] ?? Number.NaN;
    const sum = (count: number, term: (i: number) => number): number =>
      Array.from({ length: count }, (_, i) => term(i)).reduce((a, b) => a + b, 0);
    const backwards = (scale: number): number[] =>
      Array.from({ length: 24 }, (_, i) => scale * sum(11, (k) => (y[11 * Math.floor(i / 6) + k] ?? 0) * at(k, i % 6)));
    const expected = [
      Array.from({ length: 44 }, (_, i) => 0.5 * sum(6, (k) => (x[6 * Math.floor(i / 11) + k] ?? 0) * at(i % 11, k))),
      backwards(1),
      [10, 0, 10].flatMap((row) => Array.from({ length: 6 }, (_, column) => at(row, column))),
      backwards(0.5),
    ];
    for (const cut of [false, true])
      for (const [i, found] of (await results(cut)).entries()) {
        expect(found).toHaveLength(expected[i]?.length ?? 0);
        // float32 sums of eleven products
        for (const [k, value] of found.entries()) expect(value, `${cut} ${i}`).toBeCloseTo(expected[i]?.[k] ?? NaN, 5);
      }
    await runtime.close();
  });
});
