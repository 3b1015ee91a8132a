// How fast a device computes what most of a training step is: products of matrices with activations between them, at the
// size of a small model. The tiny model of the other checks would only measure what starting a kernel costs.
import { GraphBuilder } from '../engine/graph/builder.ts';
import { symbol } from '../engine/graph/dims.ts';
import { toOnnx } from '../engine/graph/onnx.ts';
import { readFloat32, type Runtime, type RuntimeTensor } from '../engine/runtime/runtime.ts';

const TOKENS = 512;
/** Enough to see that a device is hopeless, before it computes for minutes. */
const FEW_TOKENS = 16;
const HIDDEN = 1024;
const INNER = 3072;
const LAYERS = 2;
const ROUNDS = 4;

/**
 * Milliseconds of the best round. The weights stay on the device, as those of a model do; one number comes back. Where a
 * round of a few tokens takes longer than `limitMs`, so would one of all: its time is then given.
 */
export async function roundMs(runtime: Runtime, limitMs = Infinity): Promise<number> {
  const g = new GraphBuilder();
  let x = g.input('x', 'float32', [symbol('tokens'), HIDDEN]); // [tokens, hidden]
  const up = g.input('up', 'float32', [HIDDEN, INNER]);
  const down = g.input('down', 'float32', [INNER, HIDDEN]);
  for (let layer = 0; layer < LAYERS; layer++) {
    const gate = g.matMul(x, up); // [tokens, inner]
    x = g.add(x, g.matMul(g.mul(gate, g.sigmoid(gate)), down));
  }
  const graph = toOnnx(g.finish('speed', [{ name: 'y', tensor: g.reduceSum(x, [0, 1], false) }]));
  const session = await runtime.createSession(graph, { memory: 'fast' });
  const held: RuntimeTensor[] = [];
  const onDevice = async (rows: number, columns: number): Promise<RuntimeTensor> => {
    const tensor = await runtime.upload(runtime.tensor('float32', [rows, columns], madeUp(rows * columns)));
    held.push(tensor);
    return tensor;
  };
  const weights = [['up', await onDevice(HIDDEN, INNER)] as const, ['down', await onDevice(INNER, HIDDEN)] as const];
  const best = async (tokens: number, rounds: number): Promise<number> => {
    const inputs = new Map([['x', await onDevice(tokens, HIDDEN)] as const, ...weights]);
    let ms = Infinity;
    // The first compiles kernels.
    for (let round = 0; round <= rounds; round++) {
      const started = performance.now();
      await readFloat32(runtime, (await session.run(inputs)).get('y'));
      if (round > 0) ms = Math.min(ms, performance.now() - started);
    }
    return ms;
  };
  try {
    const few = await best(FEW_TOKENS, 1);
    return few > limitMs ? few : await best(TOKENS, ROUNDS);
  } finally {
    await session.dispose();
    for (const tensor of held) runtime.dispose(tensor);
  }
}

/** Small, so that nothing overflows after two layers. */
const madeUp = (length: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => (((i * 7919) % 997) / 997 - 0.5) / 16);
