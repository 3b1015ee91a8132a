// Has ONNX Runtime's CUDA provider take every graph that the program makes, and run it with stand-ins for NVIDIA's
// libraries: whatever it does itself is done, from placing the nodes to checking shapes, and no kernel computes.
//
//     node test/cuda/run-every-graph.ts HOME     by the CUDA support installed in the folder HOME; needs no card
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluateDim } from '../../main/engine/graph/dims.ts';
import type { CompiledGraph } from '../../main/engine/graph/onnx.ts';
import { libraryFolderVariable } from '../../main/engine/runtime/installed-library.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import type { Runtime, RuntimeTensor, TensorData } from '../../main/engine/runtime/runtime.ts';
import { messageOf } from '../../main/errors.ts';
import { everyGraph, zerosFile } from '../support/every-graph.ts';
import { installedIn, isUnderStandIn, runUnderStandIn } from './stand-in/stand-in.ts';

async function runAll(folder: string): Promise<void> {
  process.env[libraryFolderVariable] = installedIn(folder).folder;
  const weightsDir = process.env.LORELEI_STAND_IN ?? '';
  writeFileSync(join(weightsDir, zerosFile.name), new Uint8Array(zerosFile.bytes));
  const runtime = await openRuntime({ device: 'cuda' });
  const graphs = await everyGraph();
  let failures = 0;
  for (const { title, graph } of graphs)
    for (const memory of ['fast', 'lean'] as const)
      try {
        const session = await runtime.createSession(graph, { weightsDir, memory });
        await session.run(zerosFor(runtime, graph));
        await session.dispose();
      } catch (error) {
        failures += 1;
        console.log(`${title} (${memory}): ${messageOf(error)}`);
      }
  console.log(`${graphs.length} graphs, each in fast and in lean memory: ${failures} refused`);
  process.exitCode = failures === 0 ? 0 : 1;
}

/** Sizes that differ from each other where they may. */
const sizes: Record<string, number> = {
  ...{ batch: 2, block: 4, seq: 5, past: 3, pairs: 2, rows: 2, sequences: 1 },
  ...Object.fromEntries(Array.from({ length: 8 }, (_, chunk) => [`labels${chunk}`, 3])),
};

function zerosFor(runtime: Runtime, { inputs }: CompiledGraph): Map<string, RuntimeTensor> {
  return new Map(
    inputs.map(({ name, dtype, shape }) => {
      const dims = shape.map((dim) => evaluateDim(dim, sizes));
      const count = dims.reduce((product, size) => product * size, 1);
      return [name, runtime.tensor(dtype, dims, zeros(dtype, count))];
    }),
  );
}

function zeros(dtype: string, count: number): TensorData {
  if (dtype === 'float32') return new Float32Array(count);
  if (dtype === 'int32') return new Int32Array(count);
  if (dtype === 'uint32') return new Uint32Array(count);
  return dtype === 'int64' ? new BigInt64Array(count) : new Uint8Array(count);
}

const [home] = process.argv.slice(2);
if (home === undefined) throw new Error('Name a home folder with CUDA support.');
if (isUnderStandIn()) await runAll(home);
else runUnderStandIn();
