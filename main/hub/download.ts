// Downloads a repository's files into the cache: several at a time, and linked into a snapshot only when all are there,
// so that a model is in the cache whole or not at all.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { requireDiskSpace } from '../checkpoints/disk-space.ts';
import type { HubAccess } from './access.ts';
import { blobPath, bytesThere, linkSnapshot, partialPath, repoFolder, snapshotFolder, type Repo } from './cache.ts';
import { fetchFile, type Patience } from './fetch-file.ts';
import { withHubProblems } from './problems.ts';
import type { RepoFile } from './repository.ts';

/** What to fetch; plain data, so that it can be kept and gone on with after a restart. */
export type DownloadPlan = {
  repo: Repo;
  revision: string;
  commit: string;
  files: RepoFile[];
};

/** What to fetch of a repository. */
export function planOf({ repo, revision, commit }: Omit<DownloadPlan, 'files'>, files: RepoFile[]): DownloadPlan {
  return { repo, revision, commit, files };
}

export const bytesOf = ({ files }: DownloadPlan): number => files.reduce((sum, { size }) => sum + size, 0);

/** Bytes of the plan that the cache has already. */
export function bytesCached(cache: string, { repo, files }: DownloadPlan): number {
  return files.reduce((sum, { blob, size }) => sum + Math.min(size, bytesThere(cache, repo, blob)), 0);
}

/** True where the snapshot holds every file. */
export function isCached(cache: string, { repo, commit, files }: DownloadPlan): boolean {
  return files.every(({ path }) => existsSync(join(snapshotFolder(cache, repo, commit), path)));
}

/** Paths of the plan's files once it is fulfilled. */
export function pathsOf(cache: string, { repo, commit, files }: DownloadPlan): string[] {
  return files.map(({ path }) => join(snapshotFolder(cache, repo, commit), path));
}

const AT_ONCE = 3;

type Options = {
  signal: AbortSignal;
  /** Bytes of all files that are on the disk now. */
  onBytes: (done: number) => void;
  patience?: Patience | undefined;
};

/**
 * Fetches what is missing. Throws UserError "disk-full" before it begins, "hub-checksum" and those of hubProblem; the
 * signal's reason where it was aborted. What came stays, and the next call goes on with it.
 */
export async function download(
  access: HubAccess,
  cache: string,
  plan: DownloadPlan,
  { signal, onBytes, patience }: Options,
): Promise<void> {
  const { repo, files } = plan;
  requireDiskSpace(repoFolder(cache, repo), bytesOf(plan) - bytesCached(cache, plan));
  let done = bytesCached(cache, plan);
  onBytes(done);
  // Small ones first: a refusal shows before gigabytes are spent. Equal files share a blob.
  const copies = Map.groupBy(files, ({ blob }) => blob);
  const waiting = [...new Map(files.map((file) => [file.blob, file])).values()]
    .filter(({ blob }) => !existsSync(blobPath(cache, repo, blob)))
    .sort((a, b) => a.size - b.size);
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  await withHubProblems(access, repo, async () => {
    const work = async (): Promise<void> => {
      for (let file = waiting.shift(); file; file = waiting.shift()) {
        const { blob, size } = file;
        const places = { partial: partialPath(cache, repo, blob), whole: blobPath(cache, repo, blob) };
        const count = copies.get(blob)?.length ?? 1;
        let before = Math.min(size, bytesThere(cache, repo, blob));
        await fetchFile(access, file, places, {
          signal: either,
          patience,
          onBytes(bytes) {
            done += (bytes - before) * count;
            before = bytes;
            onBytes(done);
          },
        });
      }
    };
    const workers = Array.from({ length: AT_ONCE }, () => work());
    try {
      await Promise.all(workers);
    } catch (error) {
      failed.abort(error);
      await Promise.allSettled(workers);
      throw error;
    }
  });
  linkSnapshot(cache, repo, plan);
}
