// The device that a run would train on, and its memory, as far as that is known before it starts.
import { gpuUsage, listGpus } from '../cuda/nvidia-smi.ts';
import { parseDevice } from '../engine/runtime/device-name.ts';

export type RunDevice = {
  /** As recipes name it: "cuda:1". */
  name: string;
  /** As the runtime calls it. */
  kind: string;
  /** "NVIDIA GeForce RTX 4070" */
  title: string | null;
  /** Of its own memory; null where that is not known. */
  totalBytes: number | null;
  freeBytes: number | null;
};

/** `wanted` is a recipe's device. */
export async function runDevice(wanted: string): Promise<RunDevice> {
  const name = wanted === 'auto' ? 'cpu' : wanted;
  const { device: kind, index = 0 } = parseDevice(name);
  const unknown = { name, kind, title: null, totalBytes: null, freeBytes: null };
  if (kind !== 'cuda') return unknown;
  const [gpus, usage] = await Promise.all([listGpus(), gpuUsage(index)]);
  const gpu = gpus.find((one) => one.index === index);
  if (gpu === undefined) return unknown;
  const { name: title, memoryBytes: totalBytes } = gpu;
  const freeBytes = totalBytes === null || usage === undefined ? null : Math.max(0, totalBytes - usage.memoryBytes);
  return { name, kind, title, totalBytes, freeBytes };
}
