// Writes the Hugging Face cache as huggingface_hub does, so that every tool shares one download: contents in blobs under
// their hashes, a snapshot per commit that links to them, refs that say which commit a branch is. Reading models out of
// it is left to checkpoints/hub-cache.ts.
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { writeFileAtomically } from '../checkpoints/atomic.ts';
import { chooseModel } from '../checkpoints/gguf/choice.ts';
import { modelsAmong, partsOf } from '../checkpoints/gguf/file-names.ts';
import { snapshotOf } from '../checkpoints/hub-cache.ts';
import { hasSystemCode } from '../errors.ts';

export type RepoKind = 'model' | 'dataset';
export type Repo = { kind: RepoKind; id: string };

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the cache lies: HF_HUB_CACHE, else below HF_HOME, else below the user's caches. */
export function hubCacheFolder(environment: Environment): string {
  const given = (name: string): string | undefined => placeGiven(environment, name);
  return given('HF_HUB_CACHE') ?? given('HUGGINGFACE_HUB_CACHE') ?? join(hubHome(environment), 'hub');
}

/** The folder of huggingface_hub: HF_HOME, else below the user's caches. */
export function hubHome(environment: Environment): string {
  const caches = placeGiven(environment, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache');
  return placeGiven(environment, 'HF_HOME') ?? join(caches, 'huggingface');
}

/** The path that a variable names, "~" being the person's folder. */
export function placeGiven(environment: Environment, name: string): string | undefined {
  const value = environment[name]?.trim();
  if (value === undefined || value === '') return undefined;
  return value === '~' || value.startsWith('~/') ? join(homedir(), value.slice(1)) : resolve(value);
}

/** "models--OWNER--NAME" */
export function repoFolder(cache: string, { kind, id }: Repo): string {
  return join(cache, [`${kind}s`, ...id.split('/')].join('--'));
}

export const snapshotFolder = (cache: string, repo: Repo, commit: string): string =>
  join(repoFolder(cache, repo), 'snapshots', commit);

export const blobPath = (cache: string, repo: Repo, blob: string): string =>
  join(repoFolder(cache, repo), 'blobs', blob);

/** Where huggingface_hub keeps what it has not finished: either can go on with the other's. */
export const partialPath = (cache: string, repo: Repo, blob: string): string =>
  `${blobPath(cache, repo, blob)}.incomplete`;

export type CachedFile = { path: string; blob: string };

/** Makes finished blobs appear as a snapshot, and the revision's name lead to it. */
export function linkSnapshot(
  cache: string,
  repo: Repo,
  { commit, revision, files }: { commit: string; revision: string; files: readonly CachedFile[] },
): void {
  for (const { path, blob } of files)
    linkBlob(blobPath(cache, repo, blob), join(snapshotFolder(cache, repo, commit), path));
  if (revision === commit) return;
  const ref = join(repoFolder(cache, repo), 'refs', revision);
  mkdirSync(dirname(ref), { recursive: true });
  writeFileAtomically(ref, (write) => write(Buffer.from(commit)));
}

function linkBlob(blob: string, link: string): void {
  if (existsSync(link)) return;
  mkdirSync(dirname(link), { recursive: true });
  const ways = [
    () => symlinkSync(relative(dirname(link), blob), link),
    // Windows lets only some users make symbolic links; a second name of the file serves as well, and a copy at last.
    () => linkSync(blob, link),
    () => copyFileSync(blob, link),
  ];
  for (const [index, make] of ways.entries()) {
    try {
      return make();
    } catch (error) {
      if (hasSystemCode(error, 'EEXIST')) return;
      if (index === ways.length - 1 || !hasSystemCode(error, 'EPERM', 'EACCES', 'ENOTSUP', 'ENOSYS', 'EXDEV', 'EINVAL'))
        throw error;
    }
  }
}

/** Bytes of a blob that are there already, whole or in part. */
export function bytesThere(cache: string, repo: Repo, blob: string): number {
  for (const path of [blobPath(cache, repo, blob), partialPath(cache, repo, blob)]) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found) return found.size;
  }
  return 0;
}

/**
 * What the cache holds of a model: its snapshot with weights, or of a repository of GGUF files the one that `file` names,
 * by path or quantisation, without it the best that is there. Undefined where it holds none.
 */
export function cachedModel(cache: string, id: string, file?: string): string | undefined {
  const snapshot = snapshotOf(repoFolder(cache, { kind: 'model', id }));
  const hasWeights = ['model.safetensors', 'model.safetensors.index.json'].some((name) =>
    existsSync(join(snapshot, name)),
  );
  if (hasWeights && file === undefined) return snapshot;
  const found = chooseModel(ggufsIn(snapshot), (name) => name, file);
  return found === undefined ? undefined : join(snapshot, found);
}

/** GGUF files of a snapshot, relative to it, of models of which every part is there. */
export function ggufsIn(snapshot: string): string[] {
  if (!existsSync(snapshot)) return [];
  const names = readdirSync(snapshot, { recursive: true, encoding: 'utf8' }).map((name) => name.split(sep).join('/'));
  return modelsAmong(names).flatMap(([first, ...others]) =>
    partsOf(first).length === others.length + 1 ? [first] : [],
  );
}

/** The snapshot of a LoRA adapter that the cache holds; undefined where it does not. */
export function cachedAdapter(cache: string, id: string): string | undefined {
  const snapshot = snapshotOf(repoFolder(cache, { kind: 'model', id }));
  const isThere = ['adapter_config.json', 'adapter_model.safetensors'].every((name) =>
    existsSync(join(snapshot, name)),
  );
  return isThere ? snapshot : undefined;
}

/** Ids of the models of which some snapshot is in the cache, with the repository's folder. */
export function cachedModels(cache: string): { id: string; folder: string }[] {
  if (!existsSync(cache)) return [];
  return readdirSync(cache).flatMap((name) => {
    const id = /^models--(.+)$/.exec(name)?.[1]?.replace('--', '/');
    const folder = join(cache, name);
    return id === undefined || !existsSync(join(folder, 'snapshots')) ? [] : [{ id, folder }];
  });
}
