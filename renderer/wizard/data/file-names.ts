// The files of a draft, and how they are called on the screen.
import type { Draft } from '../../../preload/contract.ts';

type Value = Draft['values'][string] | undefined;

/** dataset_name as a list: one path, several, or none. */
export function asFiles(given: Value): string[] {
  const list = Array.isArray(given) ? given : [given];
  return list.filter((file): file is string => typeof file === 'string' && file !== '');
}

/** And back: one path is written as it is. */
export function fromFiles(files: readonly string[]): string | string[] | undefined {
  return files.length > 1 ? [...files] : files[0];
}

/** The last part of a path. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).findLast((part) => part !== '') ?? path;
}
