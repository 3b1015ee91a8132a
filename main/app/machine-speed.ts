// How fast this machine multiplies matrices: measured once in an errand, then kept in the home folder.
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../checkpoints/atomic.ts';
import { GraphBuilder } from '../engine/graph/builder.ts';
import { toOnnx } from '../engine/graph/onnx.ts';
import { openRuntime } from '../engine/runtime/onnxruntime-node.ts';
import type { App } from './app.ts';

const kept = z.object({ processor: z.string(), operationsPerSecond: z.number().positive() });

const processor = (): string => `${cpus()[0]?.model ?? 'unknown'} x ${cpus().length}`;

let measuring: Promise<number> | undefined;

/** Operations (a multiplication and an addition are two) a second. Null where it cannot be measured. */
export async function machineSpeed(app: App): Promise<number | null> {
  const file = join(app.home.cache, 'machine-speed.json');
  if (existsSync(file)) {
    const read = kept.safeParse(jsonIn(file));
    if (read.success && read.data.processor === processor()) return read.data.operationsPerSecond;
  }
  measuring ??= app.launchErrand('speed', {}, { onProgress: () => undefined, signal: AbortSignal.timeout(60_000) });
  try {
    const operationsPerSecond = await measuring;
    const text = JSON.stringify({ processor: processor(), operationsPerSecond });
    writeFileAtomically(file, (write) => write(Buffer.from(text)));
    return operationsPerSecond;
  } catch (error) {
    console.error('The speed of this machine could not be measured:', error);
    return null;
  } finally {
    measuring = undefined;
  }
}

function jsonIn(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // cut off; it is measured again
  }
}

const SIZE = 1024;
const ROUNDS = 6;

/** In the errand's process: the best of some products of two square matrices. */
export async function measureSpeed(): Promise<number> {
  const g = new GraphBuilder();
  const [a, b] = ['a', 'b'].map((name) => g.input(name, 'float32', [SIZE, SIZE]));
  if (a === undefined || b === undefined) throw new Error('no inputs');
  const graph = toOnnx(g.finish('product', [{ name: 'y', tensor: g.matMul(a, b) }]));
  const runtime = await openRuntime({ device: 'cpu' });
  const session = await runtime.createSession(graph, { memory: 'fast' });
  const values = Float32Array.from({ length: SIZE * SIZE }, (_, i) => ((i * 7919) % 997) / 997);
  const inputs = new Map(['a', 'b'].map((name) => [name, runtime.tensor('float32', [SIZE, SIZE], values)]));
  let bestMs = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) {
    const started = performance.now();
    await session.run(inputs);
    if (round > 0) bestMs = Math.min(bestMs, performance.now() - started);
  }
  await session.dispose();
  return (2 * SIZE ** 3) / (bestMs / 1000);
}
