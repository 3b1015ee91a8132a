// The Hub as the app reaches it: its address from the environment, its token from wherever secrets are.
import { hubAccess, type HubAccess } from '../hub/access.ts';
import { hubCacheFolder } from '../hub/cache.ts';
import { openDownloads, type Downloads } from './downloads.ts';
import type { App } from './app.ts';

export type Hub = {
  /** The Hugging Face cache. */
  cache: string;
  access: () => Promise<HubAccess>;
  downloads: Downloads;
};

/** Asking a keychain starts a process: not at every letter of a search. */
const TOKEN_KEPT_MS = 20_000;

export function openHub({ home, secrets, tell }: Pick<App, 'home' | 'secrets' | 'tell'>): Hub {
  const cache = hubCacheFolder(process.env);
  let token: { at: number; asked: Promise<string | undefined> } | undefined;
  const access = async (): Promise<HubAccess> => {
    if (token === undefined || Date.now() - token.at > TOKEN_KEPT_MS)
      token = { at: Date.now(), asked: Promise.resolve(secrets.read('HF_TOKEN')) };
    return hubAccess(process.env, (await token.asked)?.trim() || undefined);
  };
  return { cache, access, downloads: openDownloads({ home, cache, access, tell }) };
}
