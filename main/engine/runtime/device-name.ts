// Devices as recipes name them, "cuda:1" for the second GPU as nvidia-smi counts, and as ONNX Runtime wants them.
import type * as Ort from 'onnxruntime-node';

export type DeviceName = { device: string; index?: number };

/** "cuda:1" -> {device: 'cuda', index: 1} */
export function parseDevice(name: string): DeviceName {
  const indexed = /^(cuda):(\d{1,3})$/.exec(name);
  return indexed === null ? { device: name } : { device: indexed[1] ?? '', index: Number(indexed[2]) };
}

/** {device: 'cuda'} -> "cuda:0": without a number it is the first. */
export function deviceText({ device, index }: DeviceName): string {
  return device === 'cuda' ? `cuda:${index ?? 0}` : device;
}

export function executionProvider({ device, index }: DeviceName): Ort.InferenceSession.ExecutionProviderConfig {
  return device === 'cuda' ? { name: 'cuda', deviceId: index ?? 0 } : device;
}

/** Whether tensors are worth keeping on a device between runs: the node binding has no way to on the others. */
export const hasOwnMemory = (device: string): boolean => device === 'webgpu';
