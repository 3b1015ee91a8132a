// How much a run takes on disk.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasSystemCode } from '../errors.ts';
import type { StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';

/** Bytes of each checkpoint and of the output folder, by path; what is not there is left out. */
export async function sizesOnDisk(app: App, run: Pick<StoredRun, 'id' | 'outputDir'>): Promise<Record<string, number>> {
  const paths = [...app.history.checkpoints.list(run.id).map(({ path }) => path), run.outputDir];
  const sizes = await Promise.all(paths.map(async (path) => [path, await bytesBelow(path)] as const));
  return Object.fromEntries(sizes.filter((entry): entry is [string, number] => entry[1] !== undefined));
}

async function bytesBelow(folder: string): Promise<number | undefined> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const sizes = await Promise.all(
      files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch (error) {
    // A checkpoint may be removed while one looks.
    if (hasSystemCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
