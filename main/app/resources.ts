// Where the files lie that ship beside the code (resources/): the same from the sources and from the build.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The version in a folder's package.json, where it is that of lorelei. */
function versionIn(folder: string): string | undefined {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return undefined;
  const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown; version?: unknown };
  return name === 'lorelei' && typeof version === 'string' ? version : undefined;
}

function findProject(): { root: string; version: string } {
  for (let root = import.meta.dirname; root !== dirname(root); root = dirname(root)) {
    const version = versionIn(root);
    if (version !== undefined) return { root, version };
  }
  throw new Error(`no package.json of lorelei above ${import.meta.dirname}`);
}

/**
 * Absolute path of a file or folder below resources/, for example resourcePath('migrations'). In the packaged app it
 * lies beside the archive, where native libraries can read it too.
 */
export function resourcePath(...parts: string[]): string {
  return join(findProject().root.replace(/\.asar$/, '.asar.unpacked'), 'resources', ...parts);
}

/** The version of Lorelei: "0.1.0". */
export function productVersion(): string {
  return findProject().version;
}
