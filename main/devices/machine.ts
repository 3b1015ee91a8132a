// What of this machine decides where runs can train: the system, its graphics adapters and their drivers, CUDA support.
// Looked up anew each time, for drivers are replaced while programs run.
import { arch, cpus, release, totalmem } from 'node:os';
import type { CudaProblem } from '../../preload/contract.ts';
import { cudaPackage, libraryVersion } from '../engine/runtime/cuda-package.ts';
import { findInstallation } from '../cuda/installation.ts';
import type { Gpu } from '../cuda/nvidia-smi.ts';
import { cudaProblems, partsHere, type NeededPart } from '../cuda/requirements.ts';
import { listVisibleGpus, type VisibleGpu } from '../cuda/visible-gpus.ts';
import { UserError } from '../errors.ts';
import { listAdapters, type Adapter } from './adapters.ts';
import { vulkanHere, type Vulkan } from './vulkan.ts';

export type Cuda = {
  /** Whether there is CUDA support for this system. */
  isOffered: boolean;
  /** The version of what is installed; null where nothing is. */
  installed: string | null;
  /** What speaks against computing on a GPU. */
  problems: (gpu: Gpu) => CudaProblem[];
};

export type Machine = {
  /** LORELEI_GPU=off: nothing is looked for, so nothing is tried. */
  isOff: boolean;
  platform: NodeJS.Platform;
  arch: string;
  /** Of the kernel. */
  release: string;
  processor: string;
  memoryBytes: number;
  /** Of onnxruntime-node. */
  library: string;
  /** NVIDIA's that CUDA shows to a process. */
  gpus: VisibleGpu[];
  adapters: Adapter[];
  /** On Linux only. */
  vulkan: Vulkan | undefined;
  cuda: Cuda;
};

/** `home` is Lorelei's folder. */
export async function lookAtMachine(home: string): Promise<Machine> {
  const { platform } = process;
  const isOff = process.env.LORELEI_GPU === 'off';
  const gpus = isOff ? [] : await listVisibleGpus();
  return {
    isOff,
    platform,
    arch: arch(),
    release: release(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryBytes: totalmem(),
    library: libraryVersion(),
    gpus,
    adapters: isOff ? [] : await listAdapters(gpus, platform),
    vulkan: platform === 'linux' ? vulkanHere(home) : undefined,
    cuda: cudaHere(home),
  };
}

function cudaHere(home: string): Cuda {
  const isOffered = cudaPackage() !== undefined;
  try {
    const installation = findInstallation(home);
    if (installation === undefined) return { isOffered, installed: null, problems: () => [] };
    let parts: NeededPart[] | undefined;
    return {
      isOffered,
      installed: installation.version,
      problems: (gpu) => cudaProblems((parts ??= partsHere(installation, home)), [gpu]),
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const problem = error.toDetails();
    return { isOffered, installed: 'damaged', problems: () => [problem] };
  }
}
