// One adapted layer while dropout is on, against PEFT: output and every gradient, plain and recomputed.
import { describe, expect, test } from 'vitest';
import { checkpoint } from '../../../main/engine/autodiff/checkpoint.ts';
import { gradients } from '../../../main/engine/autodiff/gradients.ts';
import { GraphBuilder } from '../../../main/engine/graph/builder.ts';
import { toOnnx } from '../../../main/engine/graph/onnx.ts';
import { linear } from '../../../main/engine/nn/linear.ts';
import { dropoutMaskName, frozenNames, loraNames, withLora } from '../../../main/engine/nn/lora.ts';
import { trainableWeights } from '../../../main/engine/nn/weights.ts';
import { openRuntime } from '../../../main/engine/runtime/onnxruntime-node.ts';
import { goldensFolder, readJson, relativeError } from '../../support/goldens.ts';

type Matrix = number[][];
type Case = {
  use_dora: boolean;
  rank: number;
  alpha: number;
  dropout: number;
  x: Matrix;
  kept: Matrix;
  output: Matrix;
  output_gradient: Matrix;
  frozen: { weight: Matrix; bias?: number[] };
  trained: { lora_A: Matrix; lora_B: Matrix; lora_magnitude_vector?: number[] };
  gradients: Record<string, Matrix | number[]>;
};

const runtime = await openRuntime({ device: 'cpu' });
const cases = readJson(`${goldensFolder}/dora-dropout.json`) as Case[];

const named = cases.map((golden) => ({
  name: `${golden.use_dora ? 'DoRA' : 'LoRA'} ${golden.frozen.bias ? 'with' : 'without'} bias`,
  golden,
}));

describe.each(named)('$name', ({ golden }) => {
  test.each([false, true])('recomputed: %s', async (recompute) => {
    const { x, kept, frozen, trained, rank, alpha, dropout, output_gradient: seed } = golden;
    const [tokens, width, out] = [x.length, x[0]?.length ?? 0, frozen.weight.length];
    const g = new GraphBuilder();
    const shapes = new Map<string, readonly number[]>([['proj.weight', [out, width]]]);
    if (frozen.bias) shapes.set('proj.bias', [out]);
    const weights = trainableWeights(g, shapes);
    const settings = { rank, alpha, dropout, useRslora: false, useDora: golden.use_dora, targets: new Set(['proj']) };
    const adapted = withLora(g, weights, settings)(linear(g, weights));
    const input = g.parameter('x', [tokens, width]);
    const zero = g.input('zero', 'float32', []);
    const y = recompute ? checkpoint(g, zero, [input], ([x = input]) => adapted('proj', x)) : adapted('proj', input);

    const names = loraNames('proj');
    const parameters = new Map([
      ['x', 'x'],
      ['lora_A', names.a],
      ['lora_B', names.b],
      ...(golden.use_dora ? [['lora_magnitude_vector', names.magnitude] as const] : []),
    ]);
    const dy = g.input('dy', 'float32', [tokens, out]);
    const found = gradients(g, new Map([[y, dy]]), g.parameters);
    const outputs = [...parameters].flatMap(([key, name]) => {
      const parameter = g.parameters.find((tensor) => tensor.name === name);
      const gradient = parameter && found.get(parameter);
      return gradient ? [{ name: `gradient:${key}`, tensor: gradient }] : [];
    });
    const graph = toOnnx(g.finish('layer', [{ name: 'output:y', tensor: y }, ...outputs]));
    const session = await runtime.createSession(graph, { memory: 'fast' });

    const rowSquares = frozen.weight.map((row) => row.reduce((sum, value) => sum + value * value, 0));
    const float = (shape: number[], values: readonly (number | number[])[]) =>
      runtime.tensor('float32', shape, Float32Array.from(values.flat()));
    const mask = Uint8Array.from(kept.flat());
    // What a case does not have, its graph does not ask for.
    const all = new Map([
      ['x', float([tokens, width], x)],
      ['dy', float([tokens, out], seed)],
      ['zero', float([], [0])],
      ['proj.weight', float([out, width], frozen.weight)],
      ['proj.bias', float([out], frozen.bias ?? rowSquares)],
      [names.a, float([rank, width], trained.lora_A)],
      [names.b, float([out, rank], trained.lora_B)],
      [names.magnitude, float([out], trained.lora_magnitude_vector ?? rowSquares)],
      [frozenNames('proj').rowSquares, float([1, out], rowSquares)],
      [dropoutMaskName('proj'), runtime.tensor('bool', [tokens, width], mask)],
    ]);
    const used = new Set(graph.inputs.map(({ name }) => name));
    const results = await session.run(new Map([...all].filter(([name]) => used.has(name))));
    const expectedOf = new Map<string, (number | number[])[]>([['output:y', golden.output]]);
    for (const [key, values] of Object.entries(golden.gradients)) expectedOf.set(`gradient:${key}`, values);
    for (const [key, expected] of expectedOf) {
      const tensor = results.get(key);
      const values = tensor ? await runtime.read(tensor) : [];
      // float32 rounding of sums of a few numbers
      expect(relativeError(Array.from(values, Number), expected.flat()), key).toBeLessThan(1e-5);
    }
    await session.dispose();
  });
});
