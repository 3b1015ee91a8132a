// Takes single files out of a ZIP archive on the disk without reading the rest into memory: the packages that hold CUDA
// libraries take hundreds of megabytes. Layout: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3 (ZIP64).
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { UserError } from '../errors.ts';

export type ArchiveEntry = {
  name: string;
  /** Bytes once taken out. */
  size: number;
  packedSize: number;
  crc: number;
  isDeflated: boolean;
  headerAt: number;
};

const END = 0x06054b50;
const END_64 = 0x06064b50;
const END_64_LOCATOR = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const LONGEST_COMMENT = 0xffff;
const UNKNOWN_32 = 0xffffffff;

/** The files of an archive, by name. Throws UserError "archive-invalid". */
export async function archiveEntries(path: string): Promise<Map<string, ArchiveEntry>> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const { at, bytes } = await directoryOf(file, path, size);
    const directory = await readAt(file, path, at, bytes);
    const entries = new Map<string, ArchiveEntry>();
    for (let i = 0; i + 46 <= directory.length && directory.readUInt32LE(i) === CENTRAL;) {
      const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => directory.readUInt16LE(i + field));
      const end = i + 46 + (nameBytes ?? 0);
      const name = directory.toString('utf8', i + 46, end);
      const extra = directory.subarray(end, end + (extraBytes ?? 0));
      const sizes = sizesOf(directory.subarray(i, i + 46), extra);
      entries.set(name, {
        name,
        ...sizes,
        crc: directory.readUInt32LE(i + 16),
        isDeflated: directory.readUInt16LE(i + 10) === 8,
      });
      i = end + (extraBytes ?? 0) + (commentBytes ?? 0);
    }
    return entries;
  } finally {
    await file.close();
  }
}

async function directoryOf(file: FileHandle, path: string, size: number): Promise<{ at: number; bytes: number }> {
  const from = Math.max(0, size - END_BYTES - LONGEST_COMMENT - LOCATOR_BYTES);
  const tail = await readAt(file, path, from, size - from);
  for (let i = tail.length - END_BYTES; i >= 0; i -= 1) {
    if (tail.readUInt32LE(i) !== END) continue;
    const place = { bytes: tail.readUInt32LE(i + 12), at: tail.readUInt32LE(i + 16) };
    const locator = i - LOCATOR_BYTES;
    if (place.at !== UNKNOWN_32 && place.bytes !== UNKNOWN_32) return inside(place, path, size);
    if (locator < 0 || tail.readUInt32LE(locator) !== END_64_LOCATOR) throw invalid(path);
    const end = await readAt(file, path, Number(tail.readBigUInt64LE(locator + 8)), 56);
    if (end.readUInt32LE(0) !== END_64) throw invalid(path);
    return inside({ bytes: Number(end.readBigUInt64LE(40)), at: Number(end.readBigUInt64LE(48)) }, path, size);
  }
  throw invalid(path);
}

function inside(place: { at: number; bytes: number }, path: string, size: number): { at: number; bytes: number } {
  if (place.at + place.bytes > size) throw invalid(path);
  return place;
}

/** Sizes and place of an entry; those that 32 bits cannot hold stand in the ZIP64 extra field, in this order. */
function sizesOf(header: Buffer, extra: Buffer): Pick<ArchiveEntry, 'size' | 'packedSize' | 'headerAt'> {
  const short = [24, 20, 42].map((field) => header.readUInt32LE(field));
  let long = extra.subarray(0, 0);
  for (let i = 0; i + 4 <= extra.length; i += 4 + extra.readUInt16LE(i + 2))
    if (extra.readUInt16LE(i) === 1) long = extra.subarray(i + 4, i + 4 + extra.readUInt16LE(i + 2));
  let at = 0;
  const [size = 0, packedSize = 0, headerAt = 0] = short.map((value) => {
    if (value !== UNKNOWN_32 || at + 8 > long.length) return value;
    at += 8;
    return Number(long.readBigUInt64LE(at - 8));
  });
  return { size, packedSize, headerAt };
}

/**
 * Writes one file of an archive to `target` and gives its SHA-256. Throws UserError "archive-invalid" where the bytes
 * are not those that were packed.
 */
export async function extractEntry(
  path: string,
  entry: ArchiveEntry,
  target: string,
  { signal, onBytes }: { signal: AbortSignal; onBytes: (bytes: number) => void },
): Promise<string> {
  const file = await open(path, 'r');
  const header = await readAt(file, path, entry.headerAt, 30).finally(() => file.close());
  if (header.readUInt32LE(0) !== LOCAL) throw invalid(path);
  const start = entry.headerAt + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const hash = createHash('sha256');
  let [crc, size] = [0, 0];
  const measure = new Transform({
    transform(piece: Buffer, _encoding, done) {
      crc = crc32(piece, crc);
      hash.update(piece);
      size += piece.length;
      onBytes(piece.length);
      done(size > entry.size ? invalid(path) : null, piece);
    },
  });
  const packed = createReadStream(path, { start, end: start + entry.packedSize - 1, highWaterMark: 1 << 20 });
  // Flushed to the disk before it counts as written.
  const output = createWriteStream(target, { flags: 'wx', mode: 0o644, flush: true });
  try {
    if (entry.isDeflated) await pipeline(packed, createInflateRaw(), measure, output, { signal });
    else await pipeline(packed, measure, output, { signal });
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) throw invalid(path, error);
    throw error;
  }
  if (size !== entry.size || crc !== entry.crc) throw invalid(path);
  return hash.digest('hex');
}

async function readAt(file: FileHandle, path: string, at: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = await file.read(buffer, 0, bytes, at);
  if (bytesRead < bytes) throw invalid(path);
  return buffer;
}

function invalid(path: string, cause?: unknown): UserError {
  return new UserError(
    {
      code: 'archive-invalid',
      message: `${path} is not a whole ZIP archive.`,
      fix: 'Fetch it again: it may have been cut on its way.',
    },
    { cause },
  );
}
