// How fast a device computes what most of a training step is: products of matrices with activations between them, at the
// size of a small model. The tiny model of the other checks would only measure what starting a kernel costs.
import { GraphBuilder } from '../engine/graph/builder.ts';
import { toOnnx } from '../engine/graph/onnx.ts';
import { readFloat32, type Runtime } from '../engine/runtime/runtime.ts';

const TOKENS = 512;
const HIDDEN = 1024;
const INNER = 3072;
const LAYERS = 2;
const ROUNDS = 4;
/** A round that takes this long is not repeated: it is measured well enough. */
const LONG_MS = 2000;

/** Milliseconds of the best round. The weights stay on the device, as those of a model do; one number comes back. */
export async function roundMs(runtime: Runtime): Promise<number> {
  const g = new GraphBuilder();
  const input = g.input('x', 'float32', [TOKENS, HIDDEN]); // [tokens, hidden]
  const up = g.input('up', 'float32', [HIDDEN, INNER]);
  const down = g.input('down', 'float32', [INNER, HIDDEN]);
  let x = input;
  for (let layer = 0; layer < LAYERS; layer++) {
    const gate = g.matMul(x, up); // [tokens, inner]
    x = g.add(x, g.matMul(g.mul(gate, g.sigmoid(gate)), down));
  }
  const graph = toOnnx(g.finish('speed', [{ name: 'y', tensor: g.reduceSum(x, [0, 1], false) }]));
  const session = await runtime.createSession(graph, { memory: 'fast' });
  const held = await Promise.all([
    runtime.upload(runtime.tensor('float32', [TOKENS, HIDDEN], madeUp(TOKENS * HIDDEN))),
    runtime.upload(runtime.tensor('float32', [HIDDEN, INNER], madeUp(HIDDEN * INNER))),
    runtime.upload(runtime.tensor('float32', [INNER, HIDDEN], madeUp(INNER * HIDDEN))),
  ]);
  const inputs = new Map(
    ['x', 'up', 'down'].map((name, i) => [name, held[i] ?? runtime.tensor('float32', [0], new Float32Array())]),
  );
  let best = Infinity;
  for (let round = 0; round <= ROUNDS; round++) {
    const started = performance.now();
    await readFloat32(runtime, (await session.run(inputs)).get('y'));
    const ms = performance.now() - started;
    // The first compiles kernels.
    if (round > 0) best = Math.min(best, ms);
    if (round > 0 && ms > LONG_MS) break;
  }
  await session.dispose();
  for (const tensor of held) runtime.dispose(tensor);
  return best;
}

/** Small, so that nothing overflows after two layers. */
const madeUp = (length: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => (((i * 7919) % 997) / 997 - 0.5) / 16);
