// Brings one file of the Hub to the disk, whatever the line does: goes on where a cut left off (Range), tries again with
// growing pauses, and knows at the end by the file's hash that every byte is right.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UserError } from '../errors.ts';
import { HubRefusal, HubSilence, type HubAccess } from './access.ts';
import { isPassing } from './problems.ts';

export type RemoteFile = {
  /** Below the repository: "model.safetensors". */
  path: string;
  url: string;
  size: number;
  /**
   * SHA-256 of the content for large files; Git's own SHA-1 (over "blob SIZE\0" and the content) for the others. Other
   * hosts have SHA-512.
   */
  hash: { kind: 'sha256' | 'sha512' | 'git-sha1'; hex: string };
};

export type Patience = {
  /** Pauses before each new try; a try that brings bytes starts the count anew. */
  retryMs: readonly number[];
  /** A line that says nothing for so long is taken as cut. */
  silenceMs: number;
};

const usualPatience: Patience = { retryMs: [1000, 2000, 4000, 8000, 16_000], silenceMs: 30_000 };

type Options = {
  signal: AbortSignal;
  /** Bytes of this file that are on the disk now. */
  onBytes: (done: number) => void;
  patience?: Patience | undefined;
};

/**
 * Fetches `file` into `partial`, going on with what is in it, then renames it to `whole`. Throws UserError
 * "hub-checksum", the signal's reason, and what the Hub or the disk refuses.
 */
export async function fetchFile(
  access: HubAccess,
  file: RemoteFile,
  { partial, whole }: { partial: string; whole: string },
  { signal, onBytes, patience = usualPatience }: Options,
): Promise<void> {
  await mkdir(dirname(partial), { recursive: true });
  const output = await open(partial, 'a+');
  try {
    const sink = await Sink.goOn(output, partial, file, onBytes, signal);
    for (let failures = 0; sink.done < file.size;) {
      const before = sink.done;
      try {
        await fetchRest(access, file, sink, signal, patience.silenceMs);
      } catch (error) {
        signal.throwIfAborted();
        if (!isPassing(error)) throw error;
        failures = sink.done > before ? 1 : failures + 1;
        const pauseMs = patience.retryMs[failures - 1];
        if (pauseMs === undefined) throw error;
        const asked = error instanceof HubRefusal ? error.retryAfterMs : undefined;
        await sleep(Math.max(pauseMs, asked ?? 0), undefined, { signal });
      }
    }
    if (sink.digest() !== file.hash.hex) throw await spoilt(partial, file);
    await output.sync();
  } finally {
    await output.close();
  }
  await rename(partial, whole);
}

/** The part on the disk and the hash over it, which always agree. */
class Sink {
  done = 0;
  #hash: Hash;
  readonly #output: FileHandle;
  readonly #file: RemoteFile;
  readonly #onBytes: (done: number) => void;

  private constructor(output: FileHandle, file: RemoteFile, onBytes: (done: number) => void) {
    this.#output = output;
    this.#file = file;
    this.#onBytes = onBytes;
    this.#hash = begunHash(file);
  }

  /** Reads what an earlier try left. */
  static async goOn(
    output: FileHandle,
    path: string,
    file: RemoteFile,
    onBytes: (done: number) => void,
    signal: AbortSignal,
  ): Promise<Sink> {
    const sink = new Sink(output, file, onBytes);
    const { size } = await output.stat();
    if (size > file.size) await output.truncate(0);
    else
      for await (const piece of createReadStream(path, { highWaterMark: 1 << 20, signal }) as AsyncIterable<Buffer>) {
        sink.#hash.update(piece);
        sink.done += piece.length;
      }
    onBytes(sink.done);
    return sink;
  }

  async add(piece: Uint8Array): Promise<void> {
    for (let written = 0; written < piece.length;) written += (await this.#output.write(piece, written)).bytesWritten;
    this.#hash.update(piece);
    this.done += piece.length;
    this.#onBytes(this.done);
  }

  async startAnew(): Promise<void> {
    await this.#output.truncate(0);
    this.#hash = begunHash(this.#file);
    this.done = 0;
    this.#onBytes(0);
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}

function begunHash({ hash, size }: RemoteFile): Hash {
  return hash.kind === 'git-sha1' ? createHash('sha1').update(`blob ${size}\0`) : createHash(hash.kind);
}

/** One try. Throws HubSilence where the line was cut. */
async function fetchRest(
  access: HubAccess,
  file: RemoteFile,
  sink: Sink,
  signal: AbortSignal,
  silenceMs: number,
): Promise<void> {
  const silence = new AbortController();
  const fallSilent = (): void => silence.abort(new HubSilence(`nothing came for ${Math.round(silenceMs / 1000)} s`));
  let timer = setTimeout(fallSilent, silenceMs);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(fallSilent, silenceMs);
  };
  try {
    const response = await access.fetch(file.url, {
      // A compressed answer could not be gone on with.
      headers: { 'accept-encoding': 'identity', ...(sink.done > 0 && { range: `bytes=${sink.done}-` }) },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (sink.done > 0 && !goesOnAt(response, sink.done)) await sink.startAnew();
    for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      heard();
      if (sink.done + piece.length > file.size) {
        await sink.startAnew();
        throw wrongSize(file);
      }
      await sink.add(piece);
    }
  } catch (error) {
    if (error instanceof HubRefusal && error.status === 416) {
      await sink.startAnew();
      throw new HubSilence('the Hub does not know the rest of the file', { cause: error });
    }
    if (silence.signal.aborted) throw silence.signal.reason;
    // How undici says that a body ended early.
    if (error instanceof TypeError) throw new HubSilence(`the line was cut (${messageOf(error)})`, { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
  }
  if (sink.done < file.size) throw new HubSilence(`the line was cut at byte ${sink.done} of ${file.size}`);
}

function goesOnAt(response: Response, byte: number): boolean {
  return response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${byte}-`) === true;
}

function wrongSize({ path, size }: RemoteFile): UserError {
  return new UserError({
    code: 'hub-checksum',
    message: `${path} is longer than the ${size} bytes that the Hub lists.`,
    fix: 'Start the download again. A proxy that puts pages of its own in place of files does this too.',
  });
}

async function spoilt(partial: string, { path, hash }: RemoteFile): Promise<UserError> {
  await rm(partial, { force: true });
  return new UserError({
    code: 'hub-checksum',
    message: `${path} came complete but is not the file that the Hub lists (its ${hash.kind === 'sha256' ? 'SHA-256' : 'hash'} differs). It was thrown away.`,
    fix: 'Resume to fetch it again. If it happens again, something on the way changes files: another network helps.',
  });
}
