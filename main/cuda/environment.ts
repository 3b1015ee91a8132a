// What a process needs in its environment to load the library with CUDA: where its copy lies, and, for the loader reads
// it only at the start, the folders of NVIDIA's libraries.
import { libraryFolderVariable } from '../engine/runtime/installed-library.ts';
import { UserError } from '../errors.ts';
import { findInstallation } from './installation.ts';
import { foldersToAdd } from './loader-path.ts';
import { partsHere } from './requirements.ts';

/** Variables to add to a process that may use CUDA; none where it is not installed. */
export function cudaEnvironment(home: string): Record<string, string> {
  const installation = installed(home);
  if (installation === undefined) return {};
  const parts = partsHere(installation, home);
  const folders = foldersToAdd(parts.flatMap(({ found }) => (found === undefined ? [] : [found])));
  const path = [...folders, ...(process.env.LD_LIBRARY_PATH ?? '').split(':')].filter((folder) => folder !== '');
  return {
    [libraryFolderVariable]: installation.folder,
    ...(path.length > 0 && { LD_LIBRARY_PATH: path.join(':') }),
    // The GPUs' numbers are then those of nvidia-smi.
    CUDA_DEVICE_ORDER: process.env.CUDA_DEVICE_ORDER ?? 'PCI_BUS_ID',
    // ONNX Runtime asks cuBLAS for TF32 (10 bits of mantissa) in products of float32 and has no switch for it here. Off,
    // as PyTorch has it; whoever sets 1 trades exactness for speed.
    NVIDIA_TF32_OVERRIDE: process.env.NVIDIA_TF32_OVERRIDE ?? '0',
  };
}

function installed(home: string): ReturnType<typeof findInstallation> {
  try {
    return findInstallation(home);
  } catch (error) {
    // Whoever asks about CUDA is told; whoever trains on the processor goes on.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
