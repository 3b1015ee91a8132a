// What a DoRA adapter multiplies the rows of its layers by: computed once, so that a token does not pay for norms of
// whole weights.
import { GraphBuilder } from '../engine/graph/builder.ts';
import { toOnnx } from '../engine/graph/onnx.ts';
import { doraFactors } from '../engine/nn/dora.ts';
import { layerLora, loraNames, type LoraSettings, rowFactorsName } from '../engine/nn/lora.ts';
import { frozenWeights, type StoredWeight } from '../engine/nn/weights.ts';
import { readFloat32, type Runtime } from '../engine/runtime/runtime.ts';

export type AdaptedWeights = {
  stored: ReadonlyMap<string, StoredWeight>;
  weightsDir: string;
  settings: LoraSettings;
  /** Values of a LoRA parameter, by its name in the graph. */
  valueOf: (parameter: string) => Float32Array;
};

/** Factors [out] of each adapted layer by rowFactorsName; none where the adapter is no DoRA. */
export async function rowFactors(
  runtime: Runtime,
  { stored, weightsDir, settings, valueOf }: AdaptedWeights,
): Promise<Map<string, Float32Array>> {
  if (!settings.useDora) return new Map();
  const g = new GraphBuilder();
  const weights = frozenWeights(g, stored);
  const outputs = [...settings.targets].map((layer) => {
    const [out = 0, width = 0] = weights.shape(`${layer}.weight`);
    const { rank, scale } = layerLora(settings, layer);
    const names = loraNames(layer);
    const weight = weights.get(`${layer}.weight`);
    const tensor = doraFactors(g, g.parameter(names.magnitude, [out]), {
      product: (x) => g.gemm(x, weight, { transB: true }),
      rowSquares: g.reshape(g.reduceSum(g.mul(weight, weight), [1]), [1, out]),
      a: g.parameter(names.a, [rank, width]),
      b: g.parameter(names.b, [out, rank]),
      scale,
    });
    return { name: rowFactorsName(layer), tensor };
  });
  const graph = toOnnx(g.finish('row factors', outputs));
  // Lean: the weights stay in their file, this session needs each of them once.
  const session = await runtime.createSession(graph, { weightsDir, memory: 'lean' });
  const inputs = g.parameters.map(({ name, shape }) => {
    return [name, runtime.tensor('float32', shape.map(Number), valueOf(name))] as const;
  });
  const results = await session.run(new Map(inputs));
  const factors = new Map<string, Float32Array>();
  for (const { name } of outputs) factors.set(name, await readFloat32(runtime, results.get(name)));
  await session.dispose();
  return factors;
}
