// What this machine could train on. Loads the runtime's library, so it is an errand.
import { availableParallelism, cpus, totalmem } from 'node:os';
import type { CommandOutput } from '../../preload/contract.ts';
import { listDevices, openRuntime } from '../engine/runtime/onnxruntime-node.ts';

/** Every device that the library brings, and which one `device: auto` takes. */
export async function describeDevices(): Promise<CommandOutput<'devices.list'>> {
  const { choice } = await openRuntime({ device: 'auto' });
  return {
    devices: await listDevices(),
    auto: choice,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  };
}
