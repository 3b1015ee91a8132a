// Refuses a GPU that a recipe names and that is not there, with what is there instead.
import type { VisibleGpu } from '../cuda/visible-gpus.ts';
import { lookAtMachine, type Machine } from '../devices/machine.ts';
import { UserError } from '../errors.ts';
import type { App } from './app.ts';

/** Throws UserError "device-unavailable" or "device-not-found" for "cuda" and "cuda:1"; others are not looked at. */
export async function requireGpuHere({ home }: Pick<App, 'home'>, device: string): Promise<void> {
  if (device.startsWith('cuda')) requireGpu(await lookAtMachine(home.folder), device);
}

/** The same on a machine that was looked at. Where the driver lists no GPU, only trying tells. */
export function requireGpu({ isOff, cuda, gpus, platform, arch }: Machine, device: string): void {
  if (isOff)
    throw new UserError({
      code: 'device-unavailable',
      message: `device: "${device}" cannot be used: LORELEI_GPU is off.`,
      fix: 'Unset it where Lorelei is started, or use device: auto.',
    });
  if (!cuda.isOffered)
    throw new UserError({
      code: 'device-unavailable',
      message: `device: "${device}" cannot be used: there is no CUDA support for this system (${platform}, ${arch}).`,
      fix: 'Use device: auto.',
    });
  if (cuda.installed === null)
    throw new UserError({
      code: 'device-unavailable',
      message: `device: "${device}" cannot be used: CUDA support is not installed.`,
      fix: 'Install CUDA support under Settings, or use device: auto.',
      commandLine: 'lorelei devices --install-cuda, or use device: auto.',
    });
  if (device === 'cuda' || gpus.length === 0 || gpus.some((gpu) => gpu.device === device)) return;
  throw new UserError({
    code: 'device-not-found',
    message: `device: "${device}" is not there. This machine has ${gpus.map(gpuWords).join(', ')}.`,
    fix: 'Name one of them, or use device: cuda, which takes the first that is free.',
  });
}

/** As makers count: a card "of 24 GB" has 24 x 2^30 bytes, about. */
function gpuWords({ device, name, memoryBytes }: VisibleGpu): string {
  const memory = memoryBytes === null ? '' : `, ${Math.round(memoryBytes / 2 ** 30)} GB`;
  return `${device} (${name}${memory})`;
}
