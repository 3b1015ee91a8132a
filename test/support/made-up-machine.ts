// Machines that are not this one, for rules about devices.
import type { VisibleGpu } from '../../main/cuda/visible-gpus.ts';
import type { Machine } from '../../main/devices/machine.ts';

export const gpuOf = (index: number, changes: Partial<VisibleGpu> = {}): VisibleGpu => ({
  index,
  device: `cuda:${index}`,
  uuid: `GPU-${index}`,
  name: 'NVIDIA GeForce RTX 4070',
  driver: '580.95.05',
  memoryBytes: 12 * 2 ** 30,
  computeCapability: '8.9',
  ...changes,
});

/** Linux with a GPU of AMD's and its driver. */
export function machineOf(changes: Partial<Machine> = {}): Machine {
  return {
    isOff: false,
    platform: 'linux',
    arch: 'x64',
    release: '6.8.0',
    processor: 'A processor',
    memoryBytes: 32 * 2 ** 30,
    library: '1.30.0',
    gpus: [],
    adapters: [{ name: 'AMD Radeon RX 7900 XTX', driver: '6.8.0', memoryBytes: null, node: '/dev/dri/renderD128' }],
    vulkan: {
      hasLoader: true,
      drivers: [{ file: '/usr/share/vulkan/icd.d/radeon_icd.x86_64.json', version: '1', isSoftware: false }],
    },
    cuda: { isOffered: true, installed: null, problems: () => [] },
    ...changes,
  };
}

/** The same with NVIDIA's cards in place of AMD's, and CUDA support. */
export function cudaMachine(cards = 1, changes: Partial<Machine> = {}): Machine {
  const gpus = Array.from({ length: cards }, (_, index) => gpuOf(index));
  return machineOf({
    gpus,
    adapters: gpus.map(({ name, driver, memoryBytes }) => ({ name, driver, memoryBytes })),
    cuda: { isOffered: true, installed: '1.30.0', problems: () => [] },
    ...changes,
  });
}
