// The devices that a recipe can name on a machine, the fastest kind first, each with what can be said of it before it is
// tried, and where it need not be tried, why and what to do.
import type { VisibleGpu } from '../cuda/visible-gpus.ts';
import type { Machine } from './machine.ts';

export type ListedDevice = {
  /** As recipes name it: "cuda:1". */
  name: string;
  /** "NVIDIA GeForce RTX 4070 (CUDA)" */
  title: string;
  driver: string | null;
  memoryBytes: number | null;
  /** Why it cannot be there. Null where trying it tells. */
  hindrance: Hindrance | null;
  /** It can only be in software, which is slower than the processor. */
  isSoftware: boolean;
};

export type Hindrance = { reason: string; advice: string };

/** What onnxruntime-node brings beside the processor: its README's table; CUDA comes by itself. */
const inLibrary: Readonly<Record<string, readonly string[]>> = {
  'linux/x64': ['webgpu'],
  'win32/x64': ['dml', 'webgpu'],
  'win32/arm64': ['dml', 'webgpu'],
  'darwin/arm64': ['coreml', 'webgpu'],
};

/** In the order in which `device: auto` tries them; the processor is the last. */
export function listedDevices(machine: Machine): ListedDevice[] {
  const brought = inLibrary[`${machine.platform}/${machine.arch}`] ?? [];
  return [
    ...(machine.cuda.isOffered ? machine.gpus.map((gpu) => cudaDevice(machine, gpu)) : []),
    ...brought.map((name) => adapterDevice(machine, name)),
    {
      name: 'cpu',
      title: 'Processor',
      driver: null,
      memoryBytes: machine.memoryBytes,
      hindrance: null,
      isSoftware: false,
    },
  ];
}

function cudaDevice({ cuda }: Machine, gpu: VisibleGpu): ListedDevice {
  const { device, name, driver, memoryBytes } = gpu;
  const [problem] = cuda.problems(gpu);
  const hindrance =
    cuda.installed === null
      ? { reason: 'CUDA support is not installed', advice: 'Install CUDA support.' }
      : problem && { reason: withoutStop(problem.message), advice: problem.fix };
  return {
    name: device,
    title: `${name} (CUDA)`,
    driver,
    memoryBytes,
    hindrance: hindrance ?? null,
    isSoftware: false,
  };
}

const words: Readonly<Record<string, string>> = { webgpu: 'WebGPU', dml: 'DirectML', coreml: 'Core ML' };

function adapterDevice(machine: Machine, name: string): ListedDevice {
  const { adapters, vulkan } = machine;
  // The library takes one by itself and does not say which.
  const [adapter] = adapters.length === 1 ? adapters : [];
  const names = adapters.length === 0 || adapters.length > 3 ? 'GPU' : adapters.map((one) => one.name).join(' or ');
  const isSoftware = vulkan !== undefined && vulkan.drivers.length > 0 && vulkan.drivers.every((one) => one.isSoftware);
  return {
    name,
    title: `${names} (${words[name] ?? name})`,
    driver: sameOf(adapters.map(({ driver }) => driver)),
    memoryBytes: adapter?.memoryBytes ?? null,
    hindrance: hindranceOf(machine),
    isSoftware,
  };
}

function hindranceOf({ isOff, adapters, vulkan, platform }: Machine): Hindrance | null {
  if (isOff) return { reason: 'LORELEI_GPU is off', advice: 'Unset it where Lorelei is started.' };
  if (adapters.length === 0)
    return {
      reason: 'no GPU was found',
      advice: `With a GPU in the machine, install ${platform === 'win32' ? "its maker's driver" : 'its driver'}, then restart.`,
    };
  if (vulkan?.hasLoader === false)
    return { reason: 'the Vulkan loader is missing (libvulkan.so.1)', advice: 'Install libvulkan1 (vulkan-loader).' };
  return null;
}

/** Null where they differ, or there is none. */
const sameOf = (drivers: readonly (string | null)[]): string | null => {
  const [driver = null, ...others] = new Set(drivers);
  return others.length === 0 ? driver : null;
};

const withoutStop = (sentence: string): string => sentence.replace(/\.$/, '');
