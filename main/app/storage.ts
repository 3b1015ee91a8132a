// What Lorelei keeps on the disk, and how its cache is emptied.
import { mkdirSync, renameSync, statfsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CommandOutput, StoragePart } from '../../preload/contract.ts';
import { partialName } from '../checkpoints/atomic.ts';
import { fileProblem } from '../checkpoints/file-problem.ts';
import { UserError } from '../errors.ts';
import type { App } from './app.ts';
import type { ErrandName } from './errands.ts';
import { isUnderWay, withTrueStatus } from './find-run.ts';
import { bytesBelow } from './folder-size.ts';
import { isAlive } from './process-identity.ts';

export async function describeStorage({ home, hub }: App): Promise<CommandOutput<'storage.describe'>> {
  const { bavail, bsize } = statfsSync(home.folder);
  const part = async (name: StoragePart['name'], path: string): Promise<StoragePart> => ({
    name,
    path,
    bytes: (await bytesBelow(path)) ?? 0,
  });
  const history = ['', '-wal', '-shm'].map((end) => statSync(home.history + end, { throwIfNoEntry: false })?.size ?? 0);
  return {
    home: home.folder,
    freeBytes: bavail * bsize,
    parts: [
      await part('runs', home.runs),
      await part('cache', home.cache),
      await part('uploads', home.uploads),
      { name: 'history', path: home.history, bytes: history.reduce((sum, size) => sum + size, 0) },
      await part('models', hub.cache),
    ],
  };
}

/** Empties the cache. Throws UserError "cache-in-use" while a run or a window's work may read it; returns bytes freed. */
export async function clearCache(app: App): Promise<number> {
  const { cache } = app.home;
  const bytes = (await bytesBelow(cache)) ?? 0;
  const aside = join(dirname(cache), partialName('cache'));
  // One that waits may have a merged model of the cache open.
  app.coolErrands();
  // Within a transaction: no other process can admit a run between the look and the rename.
  app.history.transaction(() => {
    refuseWhileInUse(app);
    try {
      renameSync(cache, aside);
      mkdirSync(cache);
    } catch (error) {
      throw fileProblem(error, cache, 'removed');
    }
  });
  await rm(aside, { recursive: true, force: true });
  return bytes;
}

const withoutCache: ReadonlySet<ErrandName> = new Set(['checkDevice', 'installCuda', 'keychain', 'speed']);

function refuseWhileInUse(app: App): void {
  const run = app.history.runs
    .underWay()
    .find((one) => isUnderWay(withTrueStatus(one)) || (one.job !== undefined && isAlive(one.job)));
  const works = [...app.errands].some(({ name }) => !withoutCache.has(name));
  if (run === undefined && !works) return;
  throw new UserError({
    code: 'cache-in-use',
    message:
      run === undefined
        ? 'Something in a window still works with the cache.'
        : `The run ${run.id} is under way and reads the cache.`,
    fix: 'Empty the cache when nothing runs.',
  });
}
