// What CUDA support needs of a machine beside its own files: NVIDIA's driver, a GPU that is new enough, and the parts of
// the CUDA toolkit that the libraries ask for. Each is found, or explained with what to do.
import { join } from 'node:path';
import type { CudaPart, CudaProblem } from '../../preload/contract.ts';
import { neededLibraries } from './elf.ts';
import type { Installation } from './installation.ts';
import { libraryPath } from './installation.ts';
import { findLibrary, searchPlaces, type FoundLibrary, type SearchPlaces } from './loader-path.ts';
import type { Gpu } from './nvidia-smi.ts';

/** The part of the installed libraries that holds the kernels. */
const PROVIDER = 'libonnxruntime_providers_cuda.so';
/** The driver brings it. */
const DRIVER_LIBRARY = 'libcuda.so.1';

/** Library without its version -> its name, and NVIDIA's package for pip without its mark of the CUDA version. */
const parts: Readonly<Record<string, { title: string; pip: string }>> = {
  libcudart: { title: 'CUDA runtime', pip: 'nvidia-cuda-runtime' },
  libcublas: { title: 'cuBLAS', pip: 'nvidia-cublas' },
  libcublasLt: { title: 'cuBLAS Lt', pip: 'nvidia-cublas' },
  libcufft: { title: 'cuFFT', pip: 'nvidia-cufft' },
  libcurand: { title: 'cuRAND', pip: 'nvidia-curand' },
  libcudnn: { title: 'cuDNN', pip: 'nvidia-cudnn' },
  libnvrtc: { title: 'NVRTC', pip: 'nvidia-cuda-nvrtc' },
};

/** CUDA's major version -> the oldest driver for Linux, and the oldest GPUs (CUDA's release notes, tables 1 to 3). */
const floors: Readonly<Record<number, { driver: string; capability: number }>> = {
  12: { driver: '525.60.13', capability: 5 },
  13: { driver: '580.65.06', capability: 7.5 },
};

export type NeededPart = CudaPart & { found: FoundLibrary | undefined };

/** The libraries of NVIDIA's that an installation asks for, the driver's left out. */
export function neededParts(installation: Installation, places: SearchPlaces): NeededPart[] {
  const needed = neededLibraries(join(installation.folder, libraryPath(PROVIDER))) ?? [];
  const names = needed.filter((name) => name !== DRIVER_LIBRARY && partOf(name) !== undefined);
  // Loaded by the provider itself at its first reduction, so the file does not name it.
  if (!names.some((name) => name.startsWith('libcudnn'))) names.push('libcudnn.so.9');
  const cuda = cudaMajor(names);
  return names.map((name) => {
    const found = findLibrary(name, places);
    const { title, pip } = partOf(name) ?? { title: name, pip: name };
    return { name, title, path: found?.path ?? null, found, pip: pipName(pip, cuda) };
  });
}

const partOf = (name: string): { title: string; pip: string } | undefined => parts[name.replace(/\.so.*$/, '')];

/** Of "libcudart.so.13". */
export function cudaMajor(names: readonly string[]): number | undefined {
  const version = names.map((name) => /^libcudart\.so\.(\d+)/.exec(name)?.[1]).find((one) => one !== undefined);
  return version === undefined ? undefined : Number(version);
}

/** NVIDIA's packages for CUDA 12 end in -cu12; from 13 on only cuDNN's do. */
function pipName(base: string, cuda = 12): string {
  return cuda < 13 || base === 'nvidia-cudnn' ? `${base}-cu${cuda}` : base;
}

/** What is missing or too old, each with what to do. Empty where CUDA should load. */
export function cudaProblems(needed: readonly NeededPart[], gpus: readonly Gpu[]): CudaProblem[] {
  const cuda = cudaMajor(needed.map(({ name }) => name));
  return [...driverProblems(gpus, cuda), ...partProblems(needed, cuda)];
}

function driverProblems(gpus: readonly Gpu[], cuda: number | undefined): CudaProblem[] {
  const [gpu] = gpus;
  if (gpu === undefined)
    return [
      {
        code: 'cuda-no-driver',
        message: 'No NVIDIA driver answers (nvidia-smi was not found or failed), so there is no NVIDIA GPU to use.',
        fix: 'With an NVIDIA card in the machine, install its driver, then restart.',
      },
    ];
  const floor = floors[cuda ?? 0];
  if (cuda === undefined || floor === undefined) return [];
  const isOld = isOlder(gpu.driver, floor.driver);
  const weak = gpus.filter(({ computeCapability }) => Number(computeCapability ?? Infinity) < floor.capability);
  return [
    ...(isOld
      ? [
          {
            code: 'cuda-driver-old',
            message: `The NVIDIA driver is ${gpu.driver}, and CUDA ${cuda} wants ${floor.driver} or newer.`,
            fix: 'Update the NVIDIA driver, then restart.',
          },
        ]
      : []),
    ...weak.map(({ index, name, computeCapability }) => ({
      code: 'cuda-gpu-old',
      message: `GPU ${index} (${name}) has compute capability ${computeCapability ?? ''}, and CUDA ${cuda} wants ${floor.capability.toFixed(1)} or newer.`,
      fix: 'Train on another GPU, or with WebGPU or the processor.',
    })),
  ];
}

function partProblems(needed: readonly NeededPart[], cuda: number | undefined): CudaProblem[] {
  const missing = needed.filter(({ path }) => path === null);
  return missing.map(({ title, name, pip }) => ({
    code: 'cuda-library-missing',
    message: `${title}${cuda === undefined ? '' : ` for CUDA ${cuda}`} is missing (${name}).`,
    fix: `Install NVIDIA's CUDA toolkit${title === 'cuDNN' ? ' and cuDNN 9' : ''}, or its package ${pip}.`,
  }));
}

/** Compares "535.183.01" and "580.65.06" number by number. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((one) => one.split('.').map(Number));
  const at = (b ?? []).findIndex((number, i) => number !== (a?.[i] ?? 0));
  return at >= 0 && (a?.[at] ?? 0) < (b?.[at] ?? 0);
}

/** The same for this machine. */
export const partsHere = (installation: Installation, home: string): NeededPart[] =>
  neededParts(installation, searchPlaces(home));
