// Vulkan on Linux, through which WebGPU reaches a GPU: whether its loader is there, and which drivers it will find.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { findLibrary, searchPlaces } from '../cuda/loader-path.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export type VulkanDriver = {
  /** Its manifest. */
  file: string;
  /** Changes when the driver is replaced. */
  version: string;
  /** It computes on the processor. */
  isSoftware: boolean;
};

export type Vulkan = { hasLoader: boolean; drivers: VulkanDriver[] };

const manifest = z.object({ ICD: z.object({ library_path: z.string() }) });

/** Mesa's and Google's drivers in software: Lavapipe (llvmpipe) and SwiftShader. */
const inSoftware = /lvp|lavapipe|llvmpipe|swiftshader|swrast/i;

export function vulkanHere(home: string, environment: Environment = process.env): Vulkan {
  return { hasLoader: hasLoader(home, environment), drivers: manifestFiles(environment).flatMap(driverIn) };
}

const LOADER = 'libvulkan.so.1';
const usual = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib'];

/** The loader's own cache, which a program has to be asked for, only where it is not in one of the usual places. */
function hasLoader(home: string, environment: Environment): boolean {
  if (usual.some((folder) => existsSync(join(folder, LOADER)))) return true;
  return findLibrary(LOADER, { ...searchPlaces(home, environment), others: [] }) !== undefined;
}

/** As the loader's documentation (LoaderDriverInterface.md) has it; one of the variables takes the place of all folders. */
export function manifestFiles(environment: Environment): string[] {
  const named = environment.VK_DRIVER_FILES ?? environment.VK_ICD_FILENAMES;
  if (named !== undefined && named !== '') return paths(named).flatMap(manifestsAt);
  const config = [
    environment.XDG_CONFIG_HOME ?? join(homedir(), '.config'),
    ...paths(environment.XDG_CONFIG_DIRS ?? '/etc/xdg'),
  ];
  const data = [
    environment.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'),
    ...paths(environment.XDG_DATA_DIRS ?? '/usr/local/share:/usr/share'),
  ];
  const folders = [...config, '/etc', ...data].map((folder) => join(folder, 'vulkan', 'icd.d'));
  return [...paths(environment.VK_ADD_DRIVER_FILES ?? ''), ...folders].flatMap(manifestsAt);
}

const paths = (list: string): string[] => list.split(delimiter).filter((path) => path !== '');

function manifestsAt(path: string): string[] {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(path, name));
}

function driverIn(file: string): VulkanDriver[] {
  try {
    const { library_path: library } = manifest.parse(JSON.parse(readFileSync(file, 'utf8'))).ICD;
    const beside = library.includes('/') ? resolve(dirname(file), library) : undefined;
    const versions = [file, ...(beside !== undefined && existsSync(beside) ? [beside] : [])].map((path) => {
      const { size, mtimeMs } = statSync(path);
      return `${size}/${Math.round(mtimeMs)}`;
    });
    return [{ file, version: versions.join(' '), isSoftware: inSoftware.test(basename(library)) }];
  } catch {
    return []; // the loader leaves it out as well
  }
}
