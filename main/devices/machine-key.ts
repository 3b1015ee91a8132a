// What a device's trial hangs on, as one text: where it changes, the trial is of no use any more.
import type { Machine } from './machine.ts';

/** `product` is the version of Lorelei. */
export function machineKey(machine: Machine, device: string, product: string): string {
  const { platform, arch, release, library, gpus, adapters, vulkan, cuda, processor } = machine;
  const system = [product, library, platform, arch, release, processor];
  const gpu = gpus.find((one) => one.device === device);
  const place =
    gpu === undefined
      ? { adapters: adapters.map(({ name, driver }) => [name, driver]), vulkan }
      : { cuda: cuda.installed, gpu: [gpu.uuid, gpu.name, gpu.driver, gpu.computeCapability] };
  return JSON.stringify([...system, place]);
}
