// How the Hugging Face cache lays out a model: models--OWNER--NAME/{blobs, refs, snapshots/COMMIT}, where a snapshot's
// files are links into blobs. Reads it only; downloading belongs to hub.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** "meta-llama/Llama-3.1-8B", but no path such as "./model" or "/models/a". */
export function looksLikeHubId(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.test(text);
}

/**
 * What a text names on the Hub: "owner/name", or with one of its GGUF files as llama.cpp writes it, "owner/name:Q4_K_M"
 * or "owner/name:file.gguf".
 */
export function hubModelNamed(text: string): { id: string; file: string | undefined } | undefined {
  const [, id = '', file] = /^([^:]+)(?::([\w.-]+(?:\/[\w.-]+)*))?$/.exec(text) ?? [];
  return looksLikeHubId(id) ? { id, file } : undefined;
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

/** What the path of a cache's snapshot, or of a file in one, says about where it came from. */
export function hubOrigin(path: string): { id: string; revision: string } | undefined {
  const parts = path.split(/[\\/]/);
  const at = parts.lastIndexOf('snapshots');
  const repository = /^models--(.+)$/.exec(parts[at - 1] ?? '')?.[1];
  const revision = parts[at + 1];
  if (at < 1 || repository === undefined || revision === undefined) return undefined;
  return { id: repository.replace('--', '/'), revision };
}
