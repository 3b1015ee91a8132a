// Makes the stand-ins for NVIDIA's libraries, so that ONNX Runtime's CUDA provider loads on a machine without a card:
// with them it says which nodes it has kernels for, and runs its own code up to the kernels themselves.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findInstallation, type Installation } from '../../../main/cuda/installation.ts';

const here = import.meta.dirname;

/** File -> its C source, or the only function that is asked of it, and whether its symbols carry its name as version. */
const libraries: Record<string, { source?: string; functions?: readonly string[]; isVersioned?: boolean }> = {
  'libcudart.so.13': { source: 'libcudart.c', isVersioned: true },
  'libcublas.so.13': { source: 'libcublas.c', isVersioned: true },
  'libcublasLt.so.13': { source: 'libcublasLt.c', isVersioned: true },
  'libcudnn.so.9': { source: 'libcudnn.c' },
  'libcurand.so.10': { functions: [] },
  'libcuda.so.1': { functions: ['cuTensorMapEncodeTiled'] },
};

const mark = 'LORELEI_STAND_IN';

/** Whether this process has found the stand-ins. */
export const isUnderStandIn = (): boolean => process.env[mark] !== undefined;

/** Runs this very program once more, with the stand-ins: the loader reads its path only when a process starts. */
export function runUnderStandIn(): void {
  const folder = buildStandIn();
  try {
    const { status } = spawnSync(process.execPath, process.argv.slice(1), {
      stdio: 'inherit',
      env: { ...process.env, LD_LIBRARY_PATH: folder, [mark]: folder },
    });
    process.exitCode = status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function installedIn(home: string): Installation {
  const installation = findInstallation(home);
  if (installation === undefined) throw new Error(`${home} has no CUDA support: lorelei devices --install-cuda`);
  return installation;
}

/** Needs a C compiler (`cc`). */
function buildStandIn(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lorelei-stand-in-'));
  for (const [file, { source, functions = [], isVersioned }] of Object.entries(libraries)) {
    const made = join(folder, `${file}.c`);
    if (source === undefined)
      writeFileSync(made, functions.map((name) => `int ${name}(void) { return 0; }\n`).join(''));
    const versions = join(folder, `${file}.map`);
    if (isVersioned === true) writeFileSync(versions, `${file} { global: *; };\n`);
    execFileSync('cc', [
      ...['-shared', '-fPIC', '-O1', '-o', join(folder, file)],
      source === undefined ? made : join(here, source),
      ...[`-Wl,-soname,${file}`, ...(isVersioned === true ? [`-Wl,--version-script=${versions}`] : [])],
    ]);
  }
  return folder;
}
