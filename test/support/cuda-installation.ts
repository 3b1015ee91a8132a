// A home folder in which CUDA support seems to be installed: the record and a provider library that asks for others.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Installation, libraryPath } from '../../main/cuda/installation.ts';
import { cudaPackage } from '../../main/engine/runtime/cuda-package.ts';
import { elfNeeding } from './elf-file.ts';

export function cudaInstallation(home: string, needed: readonly string[]): Installation {
  const version = cudaPackage('linux/x64')?.version ?? '';
  const folder = join(home, 'cuda', version);
  const provider = join(folder, libraryPath('libonnxruntime_providers_cuda.so'));
  mkdirSync(dirname(provider), { recursive: true });
  writeFileSync(provider, elfNeeding(needed));
  const record = { version, source: 'a test', installedAt: 1, sha256: {} };
  writeFileSync(join(folder, 'installed.json'), JSON.stringify(record));
  return { ...record, folder };
}
