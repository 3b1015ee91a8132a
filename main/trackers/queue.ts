// What a tracker has not got yet, in order. With a file every entry is on the disk within a moment, so that neither a
// dead network nor a dead process loses it; where the disk takes nothing, a bounded number stays in memory.
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { TrackerState } from './state-file.ts';
import type { TrackerEntry } from './tracker.ts';

/** Some 5 MB. */
const MEMORY_ENTRIES = 10_000;
const SAVE_MS = 100;
const READ_BYTES = 1 << 20;

const number = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)]);

const entrySchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), at: z.number(), step: z.number() }),
  z.object({ type: z.literal('metrics'), at: z.number(), step: z.number(), metrics: z.record(z.string(), number) }),
  z.object({
    type: z.literal('end'),
    at: z.number(),
    status: z.enum(['completed', 'stopped', 'failed', 'interrupted']),
  }),
]);

export type Batch = {
  entries: TrackerEntry[];
  /** They have arrived: forgets them. */
  done(): Promise<void>;
};

type Options = {
  /** Absent: in memory only. */
  file: string | undefined;
  state: TrackerState;
  onProblem: (error: unknown) => void;
};

export class EntryQueue {
  readonly #options: Options;
  /** Lines that are not on the disk. */
  readonly #fresh: string[] = [];
  #handle: FileHandle | undefined;
  #size = 0;
  /** Where the first undelivered line begins. */
  #offset = 0;
  #onDisk = 0;
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();
  /** Dropped because neither disk nor memory could take more. */
  #dropped = 0;
  /** The first entries of the memory are on their way: they must not move to the disk meanwhile. */
  #lent = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Entries that have not arrived. */
  get length(): number {
    return this.#onDisk + this.#fresh.length;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Takes up what an earlier process left. A disk that cannot be used is told to `onProblem`. */
  async open(): Promise<void> {
    const { file, state, onProblem } = this.#options;
    if (file === undefined) return;
    try {
      await mkdir(dirname(file), { recursive: true });
      await (await open(file, 'a')).close();
      const handle = await open(file, 'r+');
      this.#size = (await handle.stat()).size;
      this.#handle = handle;
      const sent = state.number('sentBytes') ?? 0;
      this.#offset = sent <= this.#size ? sent : 0;
      await this.#countLines();
    } catch (error) {
      onProblem(error);
    }
  }

  async #countLines(): Promise<void> {
    let last = 0x0a;
    for (let at = this.#offset; at < this.#size;) {
      const bytes = await this.#read(at);
      if (bytes.length === 0) break;
      for (const byte of bytes) if (byte === 0x0a) this.#onDisk += 1;
      last = bytes.at(-1) ?? last;
      at += bytes.length;
    }
    // A process died within a line: what it meant to say is lost, what follows must not be.
    if (last !== 0x0a && (await this.#write('\n'))) this.#onDisk += 1;
  }

  async #read(at: number): Promise<Uint8Array> {
    if (this.#handle === undefined) return new Uint8Array();
    const { buffer, bytesRead } = await this.#handle.read(
      Buffer.alloc(Math.min(READ_BYTES, this.#size - at)),
      0,
      undefined,
      at,
    );
    return buffer.subarray(0, bytesRead);
  }

  /** Returns at once. */
  push(entry: TrackerEntry): void {
    this.#fresh.push(JSON.stringify(entry, finiteOrText));
    if (this.#fresh.length > MEMORY_ENTRIES) {
      this.#fresh.shift();
      this.#dropped += 1;
    }
    if (this.#options.file !== undefined) this.#timer ??= setTimeout(() => void this.save(), SAVE_MS);
  }

  /** Writes what is only in memory. */
  save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#saving = this.#saving.then(async () => {
      const lines = this.#fresh.length;
      if (this.#handle === undefined || lines === 0 || this.#lent) return;
      const droppedBefore = this.#dropped;
      if (!(await this.#write(`${this.#fresh.join('\n')}\n`))) return;
      this.#fresh.splice(0, Math.max(0, lines - (this.#dropped - droppedBefore)));
      this.#onDisk += lines;
    });
    return this.#saving;
  }

  async #write(text: string): Promise<boolean> {
    if (this.#handle === undefined) return false;
    const bytes = Buffer.from(text);
    try {
      for (let done = 0; done < bytes.length;) {
        done += (await this.#handle.write(bytes, done, bytes.length - done, this.#size + done)).bytesWritten;
      }
      this.#size += bytes.length;
      return true;
    } catch (error) {
      this.#options.onProblem(error);
      await this.#handle.truncate(this.#size).catch(this.#options.onProblem);
      return false;
    }
  }

  /** The oldest entries, at most `count`; undefined where there are none. */
  async next(count: number): Promise<Batch | undefined> {
    this.#lent = false;
    await this.save();
    while (this.#offset < this.#size) {
      const { lines, bytes } = takeLines(await this.#read(this.#offset), count);
      const entries = lines.flatMap((line) => parseEntry(line) ?? []);
      const done = async (): Promise<void> => {
        this.#offset += bytes;
        this.#onDisk -= lines.length;
        await this.#options.state.set({ sentBytes: this.#offset });
      };
      if (entries.length > 0) return { entries, done };
      await done();
    }
    const entries = this.#fresh.slice(0, count).flatMap((line) => parseEntry(line) ?? []);
    if (entries.length === 0) return undefined;
    const droppedBefore = this.#dropped;
    this.#lent = true;
    return {
      entries,
      done: () => {
        this.#lent = false;
        this.#fresh.splice(0, Math.max(0, entries.length - (this.#dropped - droppedBefore)));
        return Promise.resolve();
      },
    };
  }

  /** Writes what it can and leaves the file; an empty one is removed. */
  async close(): Promise<void> {
    this.#lent = false;
    await this.save();
    clearTimeout(this.#timer);
    await this.#handle?.close();
    const { file, state } = this.#options;
    if (file === undefined || this.#handle === undefined || this.#offset < this.#size) return;
    await state.set({ sentBytes: 0 });
    await rm(file, { force: true });
  }
}

/** JSON knows neither NaN nor infinity. */
function finiteOrText(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function takeLines(bytes: Uint8Array, count: number): { lines: string[]; bytes: number } {
  const lines: string[] = [];
  let start = 0;
  while (lines.length < count) {
    const end = bytes.indexOf(0x0a, start);
    if (end === -1) break;
    lines.push(Buffer.from(bytes.subarray(start, end)).toString());
    start = end + 1;
  }
  // No line of ours is that long: it is no line of ours.
  return { lines, bytes: lines.length === 0 ? bytes.length : start };
}

function parseEntry(line: string): TrackerEntry | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
