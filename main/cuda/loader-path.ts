// Finds shared libraries of CUDA, on the loader's own path and where toolkits and Python keep them: a library that lies
// elsewhere loads once its folder is in LD_LIBRARY_PATH when the process starts.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { hasSystemCode } from '../errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where to look. Tests give folders of their own. */
export type SearchPlaces = {
  /** Folders that the loader searches by itself (LD_LIBRARY_PATH). */
  loader: readonly string[];
  /** Library -> path, as the loader's cache has it. */
  cache: ReadonlyMap<string, string>;
  /** Other folders, the likeliest first. */
  others: readonly string[];
};

export type FoundLibrary = { path: string; isOnLoaderPath: boolean };

export function findLibrary(name: string, { loader, cache, others }: SearchPlaces): FoundLibrary | undefined {
  const holding = (folders: readonly string[]): string | undefined =>
    folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  const own = holding(loader) ?? cache.get(name);
  if (own !== undefined) return { path: own, isOnLoaderPath: true };
  const other = holding(others);
  return other === undefined ? undefined : { path: other, isOnLoaderPath: false };
}

/** The places of this machine; `home` is Lorelei's, where a person may put libraries. */
export function searchPlaces(home: string, environment: Environment = process.env): SearchPlaces {
  return {
    loader: (environment.LD_LIBRARY_PATH ?? '').split(':').filter((folder) => folder !== ''),
    cache: loaderCache(),
    others: [...ownPlaces(home), ...toolkits(), ...pythonPlaces(environment)],
  };
}

/** In Lorelei's home: libraries themselves, or packages put there by `pip install --target`. */
export const ownSitePackages = (home: string): string => join(home, 'cuda', 'site-packages');
const ownPlaces = (home: string): string[] => [join(home, 'cuda', 'lib'), ...nvidiaFolders(ownSitePackages(home))];

function toolkits(): string[] {
  const versions = listed('/usr/local').filter((name) => name.startsWith('cuda'));
  const roots = [...versions.sort().map((name) => join('/usr/local', name)), '/opt/cuda'];
  return roots.flatMap((root) => [join(root, 'lib64'), join(root, 'targets', 'x86_64-linux', 'lib')]);
}

function pythonPlaces({ VIRTUAL_ENV, CONDA_PREFIX }: Environment): string[] {
  const named = [VIRTUAL_ENV, CONDA_PREFIX].filter((prefix) => prefix !== undefined && prefix !== '');
  const prefixes = [...named, join(homedir(), '.local'), '/usr/local', '/usr'].map(String);
  const conda = CONDA_PREFIX === undefined ? [] : [join(CONDA_PREFIX, 'lib')];
  const sites = prefixes.flatMap((prefix) =>
    listed(join(prefix, 'lib'))
      .filter((name) => /^python3/.test(name))
      .flatMap((name) => ['site-packages', 'dist-packages'].map((kind) => join(prefix, 'lib', name, kind))),
  );
  return [...sites.flatMap(nvidiaFolders), ...conda];
}

/** NVIDIA's own packages keep their libraries in nvidia/PART/lib. */
function nvidiaFolders(site: string): string[] {
  const parts = listed(join(site, 'nvidia'));
  return parts.map((part) => join(site, 'nvidia', part, 'lib')).filter((folder) => existsSync(folder));
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return [];
    throw error;
  }
}

/** What ldconfig has found in the system's folders: "libcudart.so.13 (libc6,x86-64) => /usr/lib/…". */
function loaderCache(): Map<string, string> {
  for (const command of ['ldconfig', '/sbin/ldconfig']) {
    try {
      const lines = execFileSync(command, ['-p'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(
        '\n',
      );
      const entries = lines.map((line) => /^\s*(\S+) \(.*x86-64.*\) => (\S+)$/.exec(line));
      return new Map(entries.flatMap((entry) => (entry === null ? [] : [[entry[1] ?? '', entry[2] ?? '']])));
    } catch {
      // Not there, or not for us: the next one, or none (musl has no such cache).
    }
  }
  return new Map();
}

/** Folders to put before LD_LIBRARY_PATH, so that these libraries load. */
export function foldersToAdd(found: readonly FoundLibrary[]): string[] {
  return [...new Set(found.filter(({ isOnLoaderPath }) => !isOnLoaderPath).map(({ path }) => dirname(path)))];
}
