// Where the files lie that ship beside the code (resources/): the same from the sources and from the build.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

function isProjectRoot(folder: string): boolean {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return false;
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return typeof content === 'object' && content !== null && 'name' in content && content.name === 'lorelei';
}

function findProjectRoot(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    if (isProjectRoot(folder)) return folder;
  }
  throw new Error(`no package.json of lorelei above ${import.meta.dirname}`);
}

/** Absolute path of a file or folder below resources/, for example resourcePath('migrations'). */
export function resourcePath(...parts: string[]): string {
  return join(findProjectRoot(), 'resources', ...parts);
}
