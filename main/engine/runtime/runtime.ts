// What the rest of the engine knows of a runtime: sessions, tensors, lifetimes. onnxruntime-node.ts implements it;
// another backend can.
import type { CompiledGraph } from '../graph/onnx.ts';
import type { DType } from '../graph/tensor.ts';

/** Host memory of a tensor. float16 and bfloat16 are Uint16Array, bool is Uint8Array. */
export type TensorData = Float32Array | Int32Array | BigInt64Array | Uint32Array | Uint8Array | Uint16Array;

/** A value that a session reads or writes; it may live on a device. */
export type RuntimeTensor = { readonly dtype: DType; readonly dims: readonly number[] };

export type SessionOptions = {
  /** Folder that the graph's external weights are relative to. */
  weightsDir?: string;
  /**
   * fast: weights are repacked for the matrix kernels (a copy in memory). lean: weights stay mapped from their
   * file and 16-bit weights are decoded at each use; slower, much smaller.
   */
  memory: 'fast' | 'lean';
  /** Outputs that stay on the device, each until it is disposed of; without effect where the device is the host. */
  resident?: readonly string[];
};

export type RunOptions = {
  /** Checked before the run and after it: ONNX Runtime's node binding cannot be interrupted in between. */
  signal?: AbortSignal | undefined;
};

export type Session = {
  /**
   * Runs the graph once. `inputs` by name; sizes that depend on the batch are derived from them. Returns all outputs
   * by name, in memory of their own. Throws what `signal` was aborted with.
   */
  run(inputs: ReadonlyMap<string, RuntimeTensor>, options?: RunOptions): Promise<Map<string, RuntimeTensor>>;
  dispose(): Promise<void>;
};

export type DeviceChoice = {
  /** As the runtime calls it: cpu, webgpu, cuda, dml, coreml. */
  device: string;
  /** Which of several, as nvidia-smi counts; absent for the first. */
  index?: number;
  /** Why this one, in a sentence. */
  reason: string;
};

export type Runtime = {
  readonly choice: DeviceChoice;
  /** Whether the device has a memory of its own, so that tensors are worth keeping there between runs. */
  readonly hasOwnMemory: boolean;
  createSession(graph: CompiledGraph, options: SessionOptions): Promise<Session>;
  /** Wraps host memory without copying where the device is the host. Int32Array is widened for int64. */
  tensor: (dtype: DType, dims: readonly number[], data: TensorData) => RuntimeTensor;
  /** A copy on the device that stays until it is disposed of; the tensor itself where the device is the host. */
  upload(tensor: RuntimeTensor): Promise<RuntimeTensor>;
  /** The values of a tensor in host memory; no copy where they are there already. */
  read(tensor: RuntimeTensor): Promise<TensorData>;
  /** Frees a tensor that lives on a device; nothing to do on the host. */
  dispose(tensor: RuntimeTensor): void;
  /** Frees what the runtime itself keeps on the device. */
  close(): Promise<void>;
};

/** Float32 values of a tensor. Throws when it holds something else. */
export async function readFloat32(runtime: Runtime, tensor: RuntimeTensor | undefined): Promise<Float32Array> {
  const data = tensor && (await runtime.read(tensor));
  if (data instanceof Float32Array) return data;
  throw new Error(`expected a float32 tensor, got ${tensor?.dtype ?? 'none'}`);
}
