// Rows of 32-bit words on disk, written once and then read at random. A folder holds words.bin (the rows one after the
// other), rows.bin (the numbers of each row: words, origin, and what its kind of row adds) and meta.json, which is
// written last. Numbers are little-endian, as on every machine this runs on. What the words mean is left to
// token-store.ts and pair-store.ts.
import { createHash } from 'node:crypto';
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

const VERSION = 3;
/** Words, file, line, full length and whether it is a duplicate come before the numbers of a row's kind. */
const ORIGIN_NUMBERS = 5;
const BUFFER_WORDS = 1 << 18;

export type RowPlace = { file: string; line: number };

/** What a row was before it was cut and stored. */
export type RowOrigin = RowPlace & {
  /** Tokens before max_length. */
  fullLength: number;
  /** Its tokens are those of an earlier row. */
  isDuplicate: boolean;
};

/** How many rows of each length there are before max_length, the shortest first. */
export type LengthCounts = [length: number, rows: number][];

export class RowStoreWriter {
  private readonly folder: string;
  private readonly partial: string;
  private readonly words: WordFile;
  private readonly rows: WordFile;
  private readonly files: string[] = [];
  private readonly hash = createHash('sha256');
  private readonly numbersPerRow: number;
  private count = 0;

  /**
   * Writes beside `folder` until finish() moves everything there. `numbersPerRow`: how many numbers add() takes.
   * Throws UserError disk-full, cache-not-writable.
   */
  constructor(folder: string, numbersPerRow: number) {
    this.folder = folder;
    this.numbersPerRow = numbersPerRow;
    this.partial = `${folder}.partial-${String(process.pid)}`;
    try {
      rmSync(this.partial, { recursive: true, force: true });
      mkdirSync(this.partial, { recursive: true });
      this.words = new WordFile(join(this.partial, 'words.bin'));
      this.rows = new WordFile(join(this.partial, 'rows.bin'));
    } catch (error) {
      throw storeProblem(dirname(folder), error);
    }
  }

  get length(): number {
    return this.count;
  }

  add(words: Uint32Array, numbers: number[], origin: RowOrigin): void {
    if (numbers.length !== this.numbersPerRow) throw new Error(`${String(numbers.length)} numbers for a row`);
    const { file, line, fullLength, isDuplicate } = origin;
    if (this.files.at(-1) !== file) this.files.push(file);
    const kept = Uint32Array.from(numbers);
    // Not the origin: the same rows from another file are the same data.
    this.hash.update(Uint32Array.of(words.length)).update(kept).update(words);
    try {
      this.words.write(words);
      const from = [this.files.length - 1, line, fullLength, isDuplicate ? 1 : 0];
      this.rows.write(Uint32Array.of(words.length, ...from, ...kept));
    } catch (error) {
      throw storeProblem(dirname(this.folder), error);
    }
    this.count++;
  }

  /** Report and lengths, also of rows that are not stored, are kept beside the rows and given back by openRowStore. */
  finish(report: unknown, lengths: LengthCounts): void {
    try {
      this.words.close();
      this.rows.close();
      const meta: StoreMeta = {
        version: VERSION,
        rows: this.count,
        numbersPerRow: this.numbersPerRow,
        fingerprint: this.hash.digest('hex'),
        files: this.files,
        report,
        lengths,
      };
      writeFileSync(join(this.partial, 'meta.json'), JSON.stringify(meta));
      // Another process with the same data may have been faster and be reading already; its store is as good.
      const other = openRowStore(this.folder, this.numbersPerRow);
      rmSync(other ? this.partial : this.folder, { recursive: true, force: true });
      if (!other) renameSync(this.partial, this.folder);
      other?.close();
    } catch (error) {
      throw storeProblem(dirname(this.folder), error);
    }
  }

  /** Removes what was written. */
  abandon(): void {
    this.words.abandon();
    this.rows.abandon();
    rmSync(this.partial, { recursive: true, force: true });
  }
}

type StoreMeta = {
  version: number;
  rows: number;
  numbersPerRow: number;
  fingerprint: string;
  files: string[];
  report: unknown;
  lengths: LengthCounts;
};

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

/** The store in a folder, or undefined where there is none that is whole and of this kind. */
export function openRowStore(folder: string, numbersPerRow: number): StoredRows | undefined {
  const meta = readMeta(folder);
  if (meta?.numbersPerRow !== numbersPerRow) return undefined;
  const stride = ORIGIN_NUMBERS + numbersPerRow;
  const bytes = readFileSync(join(folder, 'rows.bin'));
  if (bytes.byteLength !== meta.rows * stride * 4) return undefined;
  const rows = new Uint32Array(bytes.buffer, bytes.byteOffset, meta.rows * stride);
  const wordsPath = join(folder, 'words.bin');
  let words = 0;
  for (let i = 0; i < rows.length; i += stride) words += rows[i] ?? 0;
  if (statSync(wordsPath).size !== words * 4) return undefined;
  return new StoredRows(wordsPath, rows, stride, meta);
}

export class StoredRows {
  readonly length: number;
  /** SHA-256 of the words and numbers of all rows. */
  readonly fingerprint: string;
  readonly report: unknown;
  readonly lengths: LengthCounts;
  private readonly file: number;
  private readonly rows: Uint32Array;
  private readonly stride: number;
  private readonly files: string[];
  /** [rows] where each row begins in words.bin, in words. */
  private readonly offsets: Float64Array;

  constructor(path: string, rows: Uint32Array, stride: number, meta: StoreMeta) {
    this.file = openSync(path, 'r');
    this.rows = rows;
    this.stride = stride;
    this.files = meta.files;
    this.fingerprint = meta.fingerprint;
    this.report = meta.report;
    this.lengths = meta.lengths;
    this.length = meta.rows;
    this.offsets = new Float64Array(this.length);
    let offset = 0;
    for (let i = 0; i < this.length; i++) {
      this.offsets[i] = offset;
      offset += rows[i * stride] ?? 0;
    }
  }

  wordCount(i: number): number {
    return this.at(i, 0);
  }

  place(i: number): RowPlace {
    return { file: this.files[this.at(i, 1)] ?? '', line: this.at(i, 2) };
  }

  /** Tokens before max_length. */
  fullLength(i: number): number {
    return this.at(i, 3);
  }

  isDuplicate(i: number): boolean {
    return this.at(i, 4) === 1;
  }

  /** One of the numbers that the row was added with. */
  number(i: number, which: number): number {
    return this.at(i, ORIGIN_NUMBERS + which);
  }

  words(i: number): Uint32Array {
    const count = this.wordCount(i);
    const words = new Uint32Array(count);
    const bytes = readSync(this.file, words, 0, count * 4, (this.offsets[i] ?? 0) * 4);
    if (bytes !== count * 4) throw new Error(`token store ends early at row ${String(i)}`);
    return words;
  }

  /** Closes the file; rows can no longer be read. */
  close(): void {
    closeSync(this.file);
  }

  private at(i: number, which: number): number {
    const value = i >= 0 ? this.rows[i * this.stride + which] : undefined;
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
