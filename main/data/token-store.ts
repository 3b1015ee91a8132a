// Token rows on disk, written once and then read at random. A folder holds tokens.bin (4 bytes a token: the id, with
// the highest bit set where it is trained), rows.bin (4 numbers a row: length, trained tokens, file, line) and
// meta.json, which is written last. Numbers are little-endian, as on every machine this runs on.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError, hasSystemCode } from '../errors.ts';
import type { TokenizedDataset, TokenizedExample } from './types.ts';

const VERSION = 1;
const TRAINED_BIT = 0x80000000;
const ID_MASK = 0x7fffffff;
const NUMBERS_PER_ROW = 4;
const BUFFER_WORDS = 1 << 18;

export type RowPlace = { file: string; line: number };

/** A dataset whose rows know where they came from. */
export type PlacedDataset = TokenizedDataset & {
  place(i: number): RowPlace;
  /** Closes the file; rows can no longer be read. */
  close(): void;
};

/** One row as 32-bit words, the form in which it is stored. */
export function packRow(inputIds: ArrayLike<number>, trained: ArrayLike<number>): Uint32Array {
  const words = new Uint32Array(inputIds.length);
  for (let i = 0; i < words.length; i++) words[i] = (inputIds[i] ?? 0) | (trained[i] === 1 ? TRAINED_BIT : 0);
  return words;
}

export class TokenStoreWriter {
  private readonly folder: string;
  private readonly partial: string;
  private readonly tokens: WordFile;
  private readonly rows: WordFile;
  private readonly files: string[] = [];
  private count = 0;

  /** Writes beside `folder` until finish() moves everything there. Throws UserError disk-full, cache-not-writable. */
  constructor(folder: string) {
    this.folder = folder;
    this.partial = `${folder}.partial-${String(process.pid)}`;
    try {
      rmSync(this.partial, { recursive: true, force: true });
      mkdirSync(this.partial, { recursive: true });
      this.tokens = new WordFile(join(this.partial, 'tokens.bin'));
      this.rows = new WordFile(join(this.partial, 'rows.bin'));
    } catch (error) {
      throw storeProblem(dirname(folder), error);
    }
  }

  get length(): number {
    return this.count;
  }

  add(words: Uint32Array, place: RowPlace): void {
    if (this.files.at(-1) !== place.file) this.files.push(place.file);
    let trainedCount = 0;
    for (const word of words) trainedCount += word >>> 31;
    try {
      this.tokens.write(words);
      this.rows.write(Uint32Array.of(words.length, trainedCount, this.files.length - 1, place.line));
    } catch (error) {
      throw storeProblem(dirname(this.folder), error);
    }
    this.count++;
  }

  /** `report` is kept beside the tokens and given back by openTokenStore. */
  finish(report: unknown): void {
    try {
      this.tokens.close();
      this.rows.close();
      const meta: StoreMeta = { version: VERSION, rows: this.count, files: this.files, report };
      writeFileSync(join(this.partial, 'meta.json'), JSON.stringify(meta));
      // Another process with the same data may have been faster and be reading already; its store is as good.
      const other = openTokenStore(this.folder);
      rmSync(other ? this.partial : this.folder, { recursive: true, force: true });
      if (!other) renameSync(this.partial, this.folder);
      other?.dataset.close();
    } catch (error) {
      throw storeProblem(dirname(this.folder), error);
    }
  }

  /** Removes what was written. */
  abandon(): void {
    this.tokens.abandon();
    this.rows.abandon();
    rmSync(this.partial, { recursive: true, force: true });
  }
}

type StoreMeta = { version: number; rows: number; files: string[]; report: unknown };

/** Undefined where there is no store that is complete and of this version. */
function readMeta(folder: string): StoreMeta | undefined {
  const path = join(folder, 'meta.json');
  if (!existsSync(path)) return undefined;
  try {
    const meta = JSON.parse(readFileSync(path, 'utf8')) as StoreMeta;
    return meta.version === VERSION ? meta : undefined;
  } catch {
    // Cut off, as by a power failure: the store is made again.
    return undefined;
  }
}

/** The store in a folder, or undefined where there is none that is whole. */
export function openTokenStore(folder: string): { dataset: PlacedDataset; report: unknown } | undefined {
  const meta = readMeta(folder);
  if (!meta) return undefined;
  const rowBytes = readFileSync(join(folder, 'rows.bin'));
  if (rowBytes.byteLength !== meta.rows * NUMBERS_PER_ROW * 4) return undefined;
  const rows = new Uint32Array(rowBytes.buffer, rowBytes.byteOffset, meta.rows * NUMBERS_PER_ROW);
  const tokensPath = join(folder, 'tokens.bin');
  let tokens = 0;
  for (let i = 0; i < rows.length; i += NUMBERS_PER_ROW) tokens += rows[i] ?? 0;
  if (statSync(tokensPath).size !== tokens * 4) return undefined;
  return { dataset: new StoredDataset(tokensPath, rows, meta.files), report: meta.report };
}

class StoredDataset implements PlacedDataset {
  readonly length: number;
  private readonly file: number;
  private readonly rows: Uint32Array;
  private readonly files: string[];
  /** [rows] where each row begins in tokens.bin, in tokens. */
  private readonly offsets: Float64Array;

  constructor(path: string, rows: Uint32Array, files: string[]) {
    this.file = openSync(path, 'r');
    this.rows = rows;
    this.files = files;
    this.length = rows.length / NUMBERS_PER_ROW;
    this.offsets = new Float64Array(this.length);
    let offset = 0;
    for (let i = 0; i < this.length; i++) {
      this.offsets[i] = offset;
      offset += rows[i * NUMBERS_PER_ROW] ?? 0;
    }
  }

  tokenCount(i: number): number {
    return this.number(i, 0);
  }

  trainedCount(i: number): number {
    return this.number(i, 1);
  }

  place(i: number): RowPlace {
    return { file: this.files[this.number(i, 2)] ?? '', line: this.number(i, 3) };
  }

  read(i: number): TokenizedExample {
    const count = this.tokenCount(i);
    const words = new Uint32Array(count);
    const bytes = readSync(this.file, words, 0, count * 4, (this.offsets[i] ?? 0) * 4);
    if (bytes !== count * 4) throw new Error(`token store ends early at row ${String(i)}`);
    const inputIds = new Int32Array(count);
    const trained = new Uint8Array(count);
    for (let t = 0; t < count; t++) {
      const word = words[t] ?? 0;
      inputIds[t] = word & ID_MASK;
      trained[t] = word >>> 31;
    }
    return { inputIds, trained };
  }

  close(): void {
    closeSync(this.file);
  }

  private number(i: number, which: number): number {
    const value = this.rows[i * NUMBERS_PER_ROW + which];
    if (value === undefined) throw new RangeError(`row ${String(i)} of ${String(this.length)}`);
    return value;
  }
}

/** Appends 32-bit words through one large buffer. */
class WordFile {
  private readonly file: number;
  private readonly buffer = new Uint32Array(BUFFER_WORDS);
  private used = 0;
  private open = true;

  constructor(path: string) {
    this.file = openSync(path, 'w');
  }

  write(words: Uint32Array): void {
    if (this.used + words.length > BUFFER_WORDS) this.flush();
    if (words.length > BUFFER_WORDS) {
      writeAll(this.file, words);
      return;
    }
    this.buffer.set(words, this.used);
    this.used += words.length;
  }

  close(): void {
    this.flush();
    this.abandon();
  }

  abandon(): void {
    if (this.open) closeSync(this.file);
    this.open = false;
  }

  private flush(): void {
    writeAll(this.file, this.buffer.subarray(0, this.used));
    this.used = 0;
  }
}

function writeAll(file: number, words: Uint32Array): void {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
}

function storeProblem(cacheDir: string, error: unknown): unknown {
  if (hasSystemCode(error, 'ENOSPC', 'EDQUOT')) {
    return new UserError(
      {
        code: 'disk-full',
        message: `The disk is full: tokens could not be written to ${cacheDir}.`,
        fix: 'Free some space, or set LORELEI_HOME to a folder on a larger disk.',
      },
      { cause: error },
    );
  }
  if (!hasSystemCode(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT')) return error;
  return new UserError(
    {
      code: 'cache-not-writable',
      message: `The cache folder ${cacheDir} cannot be written to.`,
      fix: 'Make it writable, or set LORELEI_HOME to a folder of yours.',
    },
    { cause: error },
  );
}
