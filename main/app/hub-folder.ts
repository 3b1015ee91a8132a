// A model or an adapter that is named by its place on the Hub: found in the Hugging Face cache, or brought there, as
// from_pretrained does in Python.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { looksLikeHubId } from '../checkpoints/hub-cache.ts';
import { UserError } from '../errors.ts';
import { cachedAdapter, cachedModel, hubCacheFolder, snapshotFolder } from '../hub/cache.ts';
import { bytesOf, download } from '../hub/download.ts';
import { filesOfAdapter, filesOfModel, openRepository } from '../hub/repository.ts';
import type { App } from './app.ts';
import { hubModelInfo } from './hub-models.ts';

export type HubPart = 'model' | 'adapter';

/** Brings it into the cache and returns its folder there. */
export type FetchFromHub = (id: string, part: HubPart) => Promise<string>;

/** Where "owner/name" lies in the cache; undefined where it does not, or is no such name, or a folder is called so. */
export function cachedFolder(value: string, from: string, part: HubPart): string | undefined {
  if (!isHubId(value, from)) return undefined;
  return (part === 'model' ? cachedModel : cachedAdapter)(hubCacheFolder(process.env), value);
}

/** A folder of this name goes before what the Hub has. */
export const isHubId = (value: string, from: string): boolean =>
  looksLikeHubId(value) && !existsSync(resolve(from, value));

type Hooks = {
  signal: AbortSignal;
  onBytes: (progress: { done: number; total: number }) => void;
};

/**
 * Downloads what is missing of it. Throws UserError where it is not on the Hub, cannot be used here or does not arrive;
 * the signal's reason where it was aborted. What came stays, and the next call goes on with it.
 */
export async function fetchFromHub(app: App, id: string, part: HubPart, { signal, onBytes }: Hooks): Promise<string> {
  const { cache } = app.hub;
  try {
    const access = await app.hub.access();
    if (part === 'model') await refuseUnusable(app, id);
    const found = await openRepository(access, { kind: 'model', id });
    const { repo, revision, commit } = found;
    const plan = { repo, revision, commit, files: part === 'model' ? filesOfModel(found) : filesOfAdapter(found) };
    const total = bytesOf(plan);
    await download(access, cache, plan, { signal, onBytes: (done) => onBytes({ done, total }) });
    return snapshotFolder(cache, repo, commit);
  } catch (error) {
    if (!(error instanceof UserError) || !mayBeAPath.has(error.code)) throw error;
    const { code, message, fix } = error;
    throw new UserError({ code, message: `There is no folder ${resolve(id)}. ${message}`, fix }, { cause: error });
  }
}

/** The name may have been meant as a path. */
const mayBeAPath: ReadonlySet<string> = new Set(['hub-not-found', 'hub-unreachable', 'hub-token-refused']);

/** Before gigabytes are fetched. */
async function refuseUnusable(app: App, id: string): Promise<void> {
  const { facts, refusal } = await hubModelInfo(app, id);
  const problem = refusal ?? facts.problem;
  if (problem !== null) throw new UserError(problem);
}
