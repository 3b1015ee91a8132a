// The fetch of an upload: tells how much of a large file has left, notices a line that fell silent, and tries again what
// may be sent twice.
import { setTimeout as sleep } from 'node:timers/promises';
import { HubRefusal, HubSilence, type HubAccess } from './access.ts';
import type { Patience } from './fetch-file.ts';
import { isPassing } from './problems.ts';

/** The far end may take its time to check a large file after the last byte. */
const usualPatience: Patience = { retryMs: [1000, 2000, 4000, 8000, 16_000], silenceMs: 120_000 };

/** What @huggingface/hub puts beside a request whose progress it wants to hear. */
type ProgressHint = { part?: number; numParts?: number; progressCallback: (share: number) => void };
type Options = RequestInit & { progressHint?: ProgressHint };

/** Throws as HubAccess's fetch does, once all tries have failed. */
export function uploadFetch(access: HubAccess, patience: Patience = usualPatience): typeof fetch {
  /** Shares of the parts of a file that is sent in several. */
  const parts = new WeakMap<ProgressHint['progressCallback'], Map<number, number>>();
  const tell = ({ part, numParts = 1, progressCallback }: ProgressHint, share: number): void => {
    if (part === undefined) return progressCallback(share);
    const shares = parts.get(progressCallback) ?? new Map<number, number>();
    parts.set(progressCallback, shares.set(part, share));
    progressCallback([...shares.values()].reduce((sum, one) => sum + one, 0) / numParts);
  };

  return async (input, options: Options = {}) => {
    const { progressHint, ...request } = options;
    for (const pauseMs of [...patience.retryMs, undefined]) {
      try {
        return await once(access, input, request, patience.silenceMs, (share) => {
          if (progressHint !== undefined) tell(progressHint, share);
        });
      } catch (error) {
        if (pauseMs === undefined || !mayTryAgain(request, error)) throw error;
        const asked = error instanceof HubRefusal ? error.retryAfterMs : undefined;
        await sleep(Math.max(pauseMs, asked ?? 0), undefined, { ...(request.signal && { signal: request.signal }) });
      }
    }
    throw new Error('unreachable');
  };
}

/** A commit of which the answer was lost may have been made: only where the Hub says that it did nothing. */
function mayTryAgain({ method = 'GET', signal }: RequestInit, error: unknown): boolean {
  if (signal?.aborted === true || !isPassing(error)) return false;
  if (method !== 'POST') return true;
  return error instanceof HubRefusal && (error.status === 429 || error.status === 503);
}

async function once(
  access: HubAccess,
  input: Parameters<typeof fetch>[0],
  request: RequestInit,
  silenceMs: number,
  onShare: (share: number) => void,
): Promise<Response> {
  const { body } = request;
  if (!(body instanceof Blob)) return access.fetch(input, request);
  const silence = new AbortController();
  const timer = setTimeout(
    () => silence.abort(new HubSilence(`no byte went through for ${silenceMs / 1000} s`)),
    silenceMs,
  );
  const signal = AbortSignal.any([silence.signal, ...(request.signal ? [request.signal] : [])]);
  const counted = new CountedBlob(body, (bytes) => {
    timer.refresh();
    onShare(body.size === 0 ? 1 : bytes / body.size);
  });
  try {
    return await access.fetch(input, { ...request, signal, body: counted });
  } finally {
    clearTimeout(timer);
  }
}

/** The same content. fetch knows its length, which storage hosts ask for, and no stream would have. */
class CountedBlob extends Blob {
  readonly #content: Blob;
  readonly #onBytes: (sent: number) => void;

  constructor(content: Blob, onBytes: (sent: number) => void) {
    super();
    this.#content = content;
    this.#onBytes = onBytes;
  }

  override get size(): number {
    return this.#content.size;
  }

  override stream(): ReturnType<Blob['stream']> {
    let sent = 0;
    const counting = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform: (chunk, controller) => {
        sent += chunk.length;
        this.#onBytes(sent);
        controller.enqueue(chunk);
      },
    });
    return this.#content.stream().pipeThrough(counting);
  }
}
