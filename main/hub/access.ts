// Who asks which Hub: its address, and a fetch that carries the token and turns refusals into HubRefusal. The token is
// written nowhere and goes to the Hub alone.
import { messageOf } from '../errors.ts';

export type HubAccess = {
  /** "https://huggingface.co", without a slash at the end. */
  url: string;
  hasToken: boolean;
  /** Resolves for successes only. Throws HubRefusal and HubSilence. */
  fetch: typeof fetch;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** HF_ENDPOINT names a mirror and HF_HUB_OFFLINE forbids every call, as they do for huggingface_hub. */
export function hubAccess(environment: Environment, token: string | undefined): HubAccess {
  const url = (environment.HF_ENDPOINT?.trim() || 'https://huggingface.co').replace(/\/+$/, '');
  const hub = URL.parse(url)?.origin;
  const isOffline = /^(1|on|yes|true)$/i.test(environment.HF_HUB_OFFLINE ?? '');
  return {
    url,
    hasToken: token !== undefined,
    async fetch(input, options) {
      if (isOffline) throw new HubSilence('HF_HUB_OFFLINE forbids it');
      const address = input instanceof Request ? input.url : String(input);
      const headers = new Headers(options?.headers);
      // fetch itself takes the header off where the Hub sends it on to another host.
      if (token !== undefined && hub !== undefined && URL.parse(address)?.origin === hub)
        headers.set('authorization', `Bearer ${token}`);
      let response: Response;
      try {
        response = await fetch(input, { ...options, headers });
      } catch (error) {
        if (options?.signal?.aborted === true && !(options.signal.reason instanceof HubSilence)) throw error;
        throw new HubSilence(causeOf(error), { cause: error });
      }
      if (response.ok) return response;
      throw await refusalOf(response, URL.parse(address)?.origin === hub);
    },
  };
}

/** The Hub answered, and not with what was asked for. */
export class HubRefusal extends Error {
  readonly status: number;
  /** "GatedRepo", "RepoNotFound", "EntryNotFound", "RevisionNotFound"; undefined where it gave none. */
  readonly code: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** False where it was another host, which keeps the large files. */
  readonly isHub: boolean;

  constructor(response: Response, words: string, isHub: boolean) {
    super(words);
    this.name = 'HubRefusal';
    this.isHub = isHub;
    this.status = response.status;
    this.code = response.headers.get('x-error-code') ?? undefined;
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    this.retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined;
  }
}

/** The Hub could not be reached, or fell silent. */
export class HubSilence extends Error {
  override name = 'HubSilence';
}

const WORDS_KEPT = 300;

async function refusalOf(response: Response, isHub: boolean): Promise<HubRefusal> {
  const said = response.headers.get('x-error-message') ?? wordsIn(await response.text().catch(messageOf));
  return new HubRefusal(response, said.slice(0, WORDS_KEPT), isHub);
}

/** {"error": "…"} is how the Hub's API says it. */
function wordsIn(body: string): string {
  try {
    const said: unknown = JSON.parse(body);
    if (typeof said === 'object' && said !== null && 'error' in said && typeof said.error === 'string')
      return said.error;
  } catch {
    // No JSON: a page, or a plain line.
  }
  return body;
}

/** fetch says only "fetch failed"; its cause says why. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return messageOf(error);
  return cause.message === '' && 'code' in cause ? String(cause.code) : cause.message;
}
