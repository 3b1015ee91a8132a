// A model or an adapter that is named by its place on the Hub: found in the Hugging Face cache, or brought there, as
// from_pretrained does in Python.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { hubModelNamed } from '../checkpoints/hub-cache.ts';
import { UserError } from '../errors.ts';
import { cachedAdapter, cachedModel, hubCacheFolder, snapshotFolder } from '../hub/cache.ts';
import { bytesOf, download, pathsOf, planOf } from '../hub/download.ts';
import { filesOfAdapter, filesOfModel, openRepository } from '../hub/repository.ts';
import type { App } from './app.ts';
import { hubModelInfo } from './hub-models.ts';

export type HubPart = 'model' | 'adapter';

/** Brings it into the cache and returns its folder there, or its GGUF file. */
export type FetchFromHub = (id: string, part: HubPart) => Promise<string>;

/** Where "owner/name" lies in the cache, or of GGUF files "owner/name:Q4_K_M"; undefined where it does not, or is no such name, or a folder is called so. */
export function cachedFolder(value: string, from: string, part: HubPart): string | undefined {
  if (!isHubId(value, from)) return undefined;
  const cache = hubCacheFolder(process.env);
  const { id, file } = hubModelNamed(value) ?? { id: value };
  return part === 'model' ? cachedModel(cache, id, file) : cachedAdapter(cache, id);
}

/** A folder of this name goes before what the Hub has. */
export const isHubId = (value: string, from: string): boolean =>
  hubModelNamed(value) !== undefined && !existsSync(resolve(from, value));

type Hooks = {
  signal: AbortSignal;
  onBytes: (progress: { done: number; total: number }) => void;
};

/**
 * Downloads what is missing of it. Throws UserError where it is not on the Hub, cannot be used here or does not arrive;
 * the signal's reason where it was aborted. What came stays, and the next call goes on with it.
 */
export async function fetchFromHub(
  app: App,
  value: string,
  part: HubPart,
  { signal, onBytes }: Hooks,
): Promise<string> {
  const { cache } = app.hub;
  const { id, file } = hubModelNamed(value) ?? { id: value };
  try {
    const access = await app.hub.access();
    if (part === 'model') await refuseUnusable(app, id, file);
    const found = await openRepository(access, { kind: 'model', id });
    const plan = planOf(found, part === 'model' ? filesOfModel(found, file) : filesOfAdapter(found));
    const total = bytesOf(plan);
    await download(access, cache, plan, { signal, onBytes: (done) => onBytes({ done, total }) });
    // A GGUF file is named itself: the folder may hold several.
    const [gguf] = pathsOf(cache, plan).filter((path) => path.endsWith('.gguf'));
    return gguf ?? snapshotFolder(cache, found.repo, found.commit);
  } catch (error) {
    if (!(error instanceof UserError) || !mayBeAPath.has(error.code)) throw error;
    const { code, message, fix } = error;
    throw new UserError({ code, message: `There is no folder ${resolve(value)}. ${message}`, fix }, { cause: error });
  }
}

/** The name may have been meant as a path. */
const mayBeAPath: ReadonlySet<string> = new Set(['hub-not-found', 'hub-unreachable', 'hub-token-refused']);

/** Before gigabytes are fetched. */
async function refuseUnusable(app: App, id: string, file: string | undefined): Promise<void> {
  const { facts, refusal } = await hubModelInfo(app, id, { file });
  const problem = refusal ?? facts.problem;
  if (problem !== null) throw new UserError(problem);
}
