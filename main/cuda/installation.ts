// CUDA support as it lies in the home folder: a copy of onnxruntime-node with the CUDA libraries beside it, for the
// library looks for them only where it lies itself, which may be read-only.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { removeFolderAtomically } from '../checkpoints/atomic.ts';
import { binaryFolder, cudaPackage } from '../engine/runtime/cuda-package.ts';
import { hasSystemCode, UserError } from '../errors.ts';
import { recordFile } from '../engine/runtime/installed-library.ts';

const record = z.object({
  version: z.string(),
  /** Where the libraries come from, for a person: a package's name, or a file's. */
  source: z.string(),
  installedAt: z.number(),
  /** Path below the folder -> SHA-256 of a library, as it was installed. */
  sha256: z.record(z.string(), z.string()),
});
export type InstallationRecord = z.infer<typeof record>;
export type Installation = InstallationRecord & { folder: string };

/** Holds one folder per version, and what has come of a download. */
export const cudaFolder = (home: string): string => join(home, 'cuda');

/** The folder of the version that this program's onnxruntime-node takes. */
export function installationFolder(home: string): string | undefined {
  const version = cudaPackage()?.version;
  return version === undefined ? undefined : join(cudaFolder(home), version);
}

/** Undefined where it is not installed, or for another version of the library. */
export function findInstallation(home: string): Installation | undefined {
  const folder = installationFolder(home);
  if (folder === undefined) return undefined;
  try {
    const file = join(folder, recordFile);
    return { ...record.parse(JSON.parse(readFileSync(file, 'utf8'))), folder };
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw new UserError(
      {
        code: 'cuda-damaged',
        message: `What ${folder} says about the CUDA support in it cannot be read.`,
        fix: 'Remove CUDA support and install it again.',
        commandLine: 'lorelei devices --remove-cuda, then lorelei devices --install-cuda',
      },
      { cause: error },
    );
  }
}

/** Where a library lies below an installation's folder. */
export const libraryPath = (name: string): string => join('node_modules', 'onnxruntime-node', binaryFolder, name);

/** Removes it whole; false where there was none. Runs that have loaded it keep it until they end. */
export function removeInstallation(home: string): boolean {
  const folder = installationFolder(home);
  try {
    if (folder === undefined) return false;
    removeFolderAtomically(folder);
    return true;
  } catch (error) {
    if (error instanceof UserError && error.code === 'file-not-found') return false;
    throw error;
  }
}
