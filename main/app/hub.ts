// The Hub as the app reaches it: its address from the environment, its token from wherever secrets are.
import { hubAccess, type HubAccess } from '../hub/access.ts';
import { hubCacheFolder } from '../hub/cache.ts';
import { openDownloads, type Downloads } from './downloads.ts';
import type { App } from './app.ts';

export type Hub = {
  /** The Hugging Face cache. */
  cache: string;
  access: () => Promise<HubAccess>;
  /** Asks for the token anew: it was changed. */
  forgetToken: () => void;
  downloads: Downloads;
};

/** Asking a keychain starts a process: not at every letter of a search. One that was just saved is found soon. */
const KEPT_MS = { found: 20_000, none: 2000 };

export function openHub({ home, secrets, tell }: Pick<App, 'home' | 'secrets' | 'tell'>): Hub {
  const cache = hubCacheFolder(process.env);
  let token: Promise<string | undefined> | undefined;
  let until = 0;
  const access = async (): Promise<HubAccess> => {
    if (token === undefined || Date.now() > until) {
      token = Promise.resolve(secrets.read('HF_TOKEN')).then((value) => value?.trim() || undefined);
      until = Infinity;
      until = Date.now() + ((await token) === undefined ? KEPT_MS.none : KEPT_MS.found);
    }
    return hubAccess(process.env, await token);
  };
  const forgetToken = (): void => void (token = undefined);
  return { cache, access, forgetToken, downloads: openDownloads({ home, cache, access, tell }) };
}
