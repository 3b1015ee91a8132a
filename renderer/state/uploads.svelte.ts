// Files on their way from the person's machine to that of Lorelei, where a browser shows the page.
import type { CommandResult, ErrorDetails } from '../../preload/contract.ts';
import { host } from './host.ts';

/** The answer to POST /upload. */
type Result = CommandResult<{ path: string }>;

const brokeOff: ErrorDetails = {
  code: 'upload-broke-off',
  message: 'The upload broke off.',
  fix: 'Look whether Lorelei still runs and its disk has room, then drop the file again.',
};

const stillBusy: ErrorDetails = {
  code: 'upload-under-way',
  message: 'Another upload is under way.',
  fix: 'Wait for its end, or cancel it, then drop the file again.',
};

class Uploads {
  /** The one that is being sent; null while there is none. */
  current = $state.raw<{ name: string; sentBytes: number; bytes: number } | null>(null);
  /** Why the last one was refused. */
  failure = $state.raw<ErrorDetails | null>(null);
  /** Of the files that are being sent together. */
  #cancelling = new AbortController();

  /** Sends them one after the other. Their paths there; none where one failed or was cancelled. */
  async send(files: readonly File[]): Promise<string[]> {
    this.failure = this.current === null ? null : stillBusy;
    if (this.failure) return [];
    const { signal } = (this.#cancelling = new AbortController());
    const paths: string[] = [];
    for (const file of files) {
      const result = await this.#sendOne(file, signal);
      if (signal.aborted) break;
      if (!result.ok) {
        this.failure = result.error;
        break;
      }
      paths.push(result.value.path);
    }
    this.current = null;
    return paths.length === files.length ? paths : [];
  }

  /** What was sent of the file is removed there. */
  cancel(): void {
    this.#cancelling.abort();
  }

  async #sendOne(file: File, signal: AbortSignal): Promise<Result> {
    this.current = { name: file.name, sentBytes: 0, bytes: file.size };
    const { name, size: bytes } = file;
    const room = await host.call('uploads.room', { name: name.slice(0, 1000), bytes });
    if (!room.ok) return room;
    const result = await this.#post(file, signal);
    if (result.ok || result.error !== brokeOff || signal.aborted) return result;
    // A browser does not always hear why it was refused in the middle.
    const still = await host.call('uploads.room', { name: name.slice(0, 1000), bytes });
    return still.ok ? result : still;
  }

  /** Not with fetch: it does not tell how far it is. */
  #post(file: File, signal: AbortSignal): Promise<Result> {
    if (signal.aborted) return Promise.resolve({ ok: false, error: brokeOff });
    return new Promise((answered) => {
      const request = new XMLHttpRequest();
      signal.addEventListener('abort', () => request.abort());
      request.upload.onprogress = ({ loaded }) => {
        this.current = { name: file.name, sentBytes: loaded, bytes: file.size };
      };
      request.onload = () => answered(resultIn(request));
      request.onerror = () => answered({ ok: false, error: brokeOff });
      request.onabort = () => answered({ ok: false, error: brokeOff });
      request.open('POST', `upload?name=${encodeURIComponent(file.name.toWellFormed())}`);
      request.setRequestHeader('content-type', 'application/octet-stream');
      request.send(file);
    });
  }
}

function resultIn({ responseText }: XMLHttpRequest): Result {
  try {
    return JSON.parse(responseText) as Result;
  } catch {
    return { ok: false, error: brokeOff };
  }
}

export const uploads = new Uploads();
