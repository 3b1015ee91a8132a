// CUDA support that seems to be installed in a home folder, with everything that it asks for. It computes nothing.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { libraryPath } from '../../main/cuda/installation.ts';
import { cudaPackage } from '../../main/engine/runtime/cuda-package.ts';
import { elfNeeding } from './elf-file.ts';

/** Where it is offered. */
export const hasCudaPackage = cudaPackage() !== undefined;

export function fakeCuda(home: string): void {
  const version = cudaPackage()?.version ?? '';
  const put = (path: string, content: string | Buffer): void => {
    const file = join(home, 'cuda', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  };
  const record = { version, source: 'a test', installedAt: 1, sha256: {} };
  put(join(version, 'installed.json'), JSON.stringify(record));
  put(join(version, libraryPath('libonnxruntime_providers_cuda.so')), elfNeeding(['libcudart.so.13']));
  for (const library of ['libcudart.so.13', 'libcudnn.so.9']) put(join('lib', library), '');
}
