// How the Hugging Face cache lays out a model: models--OWNER--NAME/{blobs, refs, snapshots/COMMIT}, where a snapshot's
// files are links into blobs. Reads it only; downloading belongs to hub.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** "meta-llama/Llama-3.1-8B", but no path such as "./model" or "/models/a". */
export function looksLikeHubId(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.test(text);
}

/** The snapshot that a cache folder's main branch points to, or its only one; the folder itself where it is no cache. */
export function snapshotOf(folder: string): string {
  const snapshots = join(folder, 'snapshots');
  if (!existsSync(snapshots)) return folder;
  const main = join(folder, 'refs', 'main');
  const commits = readdirSync(snapshots);
  const commit = existsSync(main) ? readFileSync(main, 'utf8').trim() : commits.length === 1 ? commits[0] : undefined;
  return commit !== undefined && commits.includes(commit) ? join(snapshots, commit) : folder;
}

/** What a cache snapshot's path says about where it came from. */
export function hubOrigin(snapshot: string): { id: string; revision: string } | undefined {
  const repository = /^models--(.+)$/.exec(basename(dirname(dirname(snapshot))))?.[1];
  if (repository === undefined || basename(dirname(snapshot)) !== 'snapshots') return undefined;
  return { id: repository.replace('--', '/'), revision: basename(snapshot) };
}
