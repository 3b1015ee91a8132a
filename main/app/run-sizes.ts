// How much a run takes on disk.
import type { StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';
import { bytesBelow } from './folder-size.ts';

/** Bytes of each checkpoint and of the output folder, by path; what is not there is left out. */
export async function sizesOnDisk(app: App, run: Pick<StoredRun, 'id' | 'outputDir'>): Promise<Record<string, number>> {
  const paths = [...app.history.checkpoints.list(run.id).map(({ path }) => path), run.outputDir];
  const sizes = await Promise.all(paths.map(async (path) => [path, await bytesBelow(path)] as const));
  return Object.fromEntries(sizes.filter((entry): entry is [string, number] => entry[1] !== undefined));
}
