// The values that build-decoder.ts's graph takes for an adapter, and those with which it answers as the model alone.
// What a DoRA adapter multiplies rows by is computed once, so that a token does not pay for norms of whole weights.
import { GraphBuilder } from '../engine/graph/builder.ts';
import { toOnnx } from '../engine/graph/onnx.ts';
import { doraFactors } from '../engine/nn/dora.ts';
import { layerLora, loraNames, type LoraSettings, rowFactorsName } from '../engine/nn/lora.ts';
import { frozenWeights, type StoredWeight } from '../engine/nn/weights.ts';
import { readFloat32, type Runtime, type RuntimeTensor } from '../engine/runtime/runtime.ts';

export type AdapterOfDecoder = {
  /** Those of the decoder, as buildDecoder lists them. */
  parameters: readonly { name: string; shape: readonly number[] }[];
  settings: LoraSettings;
  /** Value of a LoRA parameter, by its name in the graph. */
  valueOf: (parameter: string) => Float32Array;
  stored: ReadonlyMap<string, StoredWeight>;
  weightsDir: string;
};

export type AdapterInputs = {
  adapter: ReadonlyMap<string, RuntimeTensor>;
  noAdapter: ReadonlyMap<string, RuntimeTensor>;
};

export async function adapterInputs(runtime: Runtime, options: AdapterOfDecoder): Promise<AdapterInputs> {
  const factors = options.settings.useDora ? await rowFactors(runtime, options) : new Map<string, Float32Array>();
  const adapter = new Map<string, RuntimeTensor>();
  const noAdapter = new Map<string, RuntimeTensor>();
  for (const { name, shape } of options.parameters) {
    const values = factors.get(name) ?? options.valueOf(name);
    adapter.set(name, runtime.tensor('float32', shape, values));
    // A branch of 0, and rows as long as they are.
    const neutral = new Float32Array(values.length).fill(factors.has(name) ? 1 : 0);
    noAdapter.set(name, runtime.tensor('float32', shape, neutral));
  }
  return { adapter, noAdapter };
}

/** Magnitudes over norms of the rows [out] of each adapted layer, by rowFactorsName. */
async function rowFactors(
  runtime: Runtime,
  { settings, valueOf, stored, weightsDir }: AdapterOfDecoder,
): Promise<Map<string, Float32Array>> {
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
