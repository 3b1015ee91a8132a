// The device that a run would train on, and its memory, as far as that is known before it starts. Tries nothing.
import { gpuUsage } from '../cuda/nvidia-smi.ts';
import { listedDevices } from '../devices/listed-devices.ts';
import { lookAtMachine } from '../devices/machine.ts';
import { parseDevice } from '../engine/runtime/device-name.ts';
import type { TriedFormats } from '../training/precision.ts';
import type { App } from './app.ts';
import { decideDevice, speedupOf } from './device-choice.ts';
import { knownProbes } from './device-probes.ts';
import { formatsIn } from './launch-on-device.ts';

export type RunDevice = {
  /** As recipes name it: "cuda:1". */
  name: string;
  /** As the runtime calls it. */
  kind: string;
  /** "NVIDIA GeForce RTX 4070 (CUDA)" */
  title: string | null;
  /** Of its own memory; null where that is not known. */
  totalBytes: number | null;
  freeBytes: number | null;
  /** Its speed to the processor's, as its trial has shown; null where that is not known. */
  speedup: number | null;
  /** What its trial has shown of 16-bit formats. */
  formats: TriedFormats | undefined;
};

/** `wanted` is a recipe's device. For "auto", one that the first run will try counts as the one that it takes. */
export async function runDevice(app: Pick<App, 'home'>, wanted: string): Promise<RunDevice> {
  if (wanted === 'cpu') return processor;
  const machine = await lookAtMachine(app.home.folder);
  const devices = listedDevices(machine);
  const probes = knownProbes(app, machine);
  const name = wanted === 'auto' ? takenOf(decideDevice(devices, probes)) : wanted;
  const { device: kind, index = 0 } = parseDevice(name);
  if (kind === 'cpu') return processor;
  const listed = devices.find((one) => one.name === name || one.name === `${name}:${index}`);
  const probe = probes.get(listed?.name ?? name);
  const totalBytes = listed?.memoryBytes ?? null;
  const usage = kind === 'cuda' ? await gpuUsage(index) : undefined;
  const freeBytes = totalBytes === null || usage === undefined ? null : Math.max(0, totalBytes - usage.memoryBytes);
  const title = listed?.title ?? null;
  const trial = { speedup: probe ? speedupOf(probe) : null, formats: probe && formatsIn(probe).formats };
  return { name, kind, title, totalBytes, freeBytes, ...trial };
}

const processor: RunDevice = {
  ...{ name: 'cpu', kind: 'cpu', title: null },
  ...{ totalBytes: null, freeBytes: null, speedup: 1, formats: undefined },
};

const takenOf = (decision: ReturnType<typeof decideDevice>): string =>
  'untried' in decision ? decision.untried.name : decision.device;
