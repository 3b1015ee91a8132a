// Runs one op on ONNX Runtime: its output, its gradients by our rules, and its gradients by finite differences.
import { gradients } from '../../main/engine/autodiff/gradients.ts';
import { GraphBuilder } from '../../main/engine/graph/builder.ts';
import { toOnnx } from '../../main/engine/graph/onnx.ts';
import type { OpAttributes, OpName } from '../../main/engine/graph/ops.ts';
import type { DType, Tensor } from '../../main/engine/graph/tensor.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import type { RuntimeTensor, TensorData } from '../../main/engine/runtime/runtime.ts';

export const runtime = await openRuntime({ device: 'cpu' });

export type Value = { dtype: DType; shape: number[]; data: number[] };

export type OpCall = {
  op: OpName;
  attributes: OpAttributes[OpName];
  inputs: readonly Value[];
  /** Which value each input of the op is; repeats feed one value twice. Default: 0, 1, 2 ... */
  wiring?: readonly number[];
};

const arrays: Partial<Record<DType, (data: readonly number[]) => TensorData>> = {
  float32: (data) => Float32Array.from(data),
  int32: (data) => Int32Array.from(data),
  int64: (data) => BigInt64Array.from(data, (x) => BigInt(x)),
  bool: (data) => Uint8Array.from(data, Number),
};

export function toTensor({ dtype, shape, data }: Value): RuntimeTensor {
  const make = arrays[dtype];
  if (!make) throw new Error(`no host array for ${dtype}`);
  return runtime.tensor(dtype, shape, make(data));
}

/** Opens the op as a session that answers with its output, or with d sum(output * seed) / d input for float inputs. */
export async function openOp(call: OpCall, seed?: readonly number[]) {
  const g = new GraphBuilder();
  const leaves = call.inputs.map(({ dtype, shape }, i) =>
    dtype === 'float32' ? g.parameter(`x${i}`, shape) : g.input(`x${i}`, dtype, shape),
  );
  const wiring = call.wiring ?? leaves.map((_, i) => i);
  const inputs = wiring.map((i) => leaves[i]).filter((x): x is Tensor => x !== undefined);
  const output = g.op(call.op, inputs, call.attributes);
  const shape = output.shape.map(Number);
  // Host arrays cannot hold every dtype: floats come back as float32, the rest as int64.
  const shown = output.dtype === 'bfloat16' || output.dtype === 'float16' ? g.cast(output, 'float32') : output;
  const outputs = [{ name: 'output', tensor: shown.dtype === 'bool' ? g.cast(shown, 'int64') : shown }];
  const floats = leaves.filter(({ dtype }) => dtype === 'float32');
  if (seed) {
    const dy = g.cast(g.constant('seed', 'float32', shape, Float32Array.from(seed)), output.dtype);
    const found = gradients(g, new Map([[output, dy]]), floats);
    for (const [leaf, tensor] of found) outputs.push({ name: `d ${leaf.name}`, tensor });
  }
  const graph = toOnnx(g.finish('op', outputs));
  const session = await runtime.createSession(graph, { memory: 'fast' });
  return {
    shape,
    dispose: () => session.dispose(),
    run: async (values: readonly Value[]) => {
      const used = new Set(graph.inputs.map(({ name }) => name));
      const feeds = new Map(
        values.map((value, i) => [`x${i}`, toTensor(value)] as const).filter(([name]) => used.has(name)),
      );
      const results = await session.run(feeds);
      const read = async (name: string): Promise<number[] | undefined> => {
        const tensor = results.get(name);
        return tensor && Array.from((await runtime.read(tensor)) as ArrayLike<number | bigint>, Number);
      };
      return {
        output: (await read('output')) ?? [],
        gradients: await Promise.all(values.map((_, i) => read(`d x${i}`))),
      };
    },
  };
}

/** Central differences of sum(output * seed) in every element of input `index`. */
export async function finiteDifferences(
  call: OpCall,
  seed: readonly number[],
  index: number,
  step = 1e-2,
): Promise<number[]> {
  const op = await openOp(call);
  const value = call.inputs[index];
  if (!value) throw new Error(`no input ${index}`);
  const at = async (i: number, delta: number): Promise<number> => {
    const data = value.data.map((x, j) => (j === i ? x + delta : x));
    const { output } = await op.run(call.inputs.map((input, j) => (j === index ? { ...input, data } : input)));
    return output.reduce((sum, y, j) => sum + y * (seed[j] ?? 0), 0);
  };
  const slopes: number[] = [];
  for (const i of value.data.keys()) slopes.push(((await at(i, step)) - (await at(i, -step))) / (2 * step));
  await op.dispose();
  return slopes;
}
