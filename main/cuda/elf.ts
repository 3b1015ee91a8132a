// Reads which shared libraries a library of Linux needs, from its dynamic section (ELF-64, little endian): what a build
// needs of CUDA differs from package to package, and only the file itself knows.
import { closeSync, openSync, readSync } from 'node:fs';

const DYNAMIC = 2; // PT_DYNAMIC
const LOAD = 1; // PT_LOAD
const NEEDED = 1n; // DT_NEEDED
const STRINGS = 5n; // DT_STRTAB
const STRINGS_BYTES = 10n; // DT_STRSZ

/** Names of the libraries, in the order of the file; undefined where it is no such file. */
export function neededLibraries(path: string): string[] | undefined {
  const file = openSync(path, 'r');
  try {
    const read = (at: number, bytes: number): Buffer => {
      const buffer = Buffer.alloc(bytes);
      return buffer.subarray(0, readSync(file, buffer, 0, bytes, at));
    };
    const header = read(0, 64);
    if (header.length < 64 || header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2) return undefined;
    const segments = segmentsIn(read(Number(header.readBigUInt64LE(32)), 56 * header.readUInt16LE(56)));
    const dynamic = segments.find(({ type }) => type === DYNAMIC);
    if (dynamic === undefined) return [];
    const entries = dynamicEntries(read(dynamic.fileAt, dynamic.bytes));
    const valueOf = (tag: bigint): number => Number(entries.find((entry) => entry.tag === tag)?.value ?? 0n);
    const address = valueOf(STRINGS);
    const holder = segments.find(
      ({ type, address: from, bytes }) => type === LOAD && address >= from && address < from + bytes,
    );
    if (holder === undefined) return undefined;
    const strings = read(holder.fileAt + address - holder.address, valueOf(STRINGS_BYTES));
    return entries
      .filter(({ tag }) => tag === NEEDED)
      .map(({ value }) => strings.toString('latin1', Number(value), strings.indexOf(0, Number(value))));
  } finally {
    closeSync(file);
  }
}

type Segment = { type: number; fileAt: number; address: number; bytes: number };

function segmentsIn(table: Buffer): Segment[] {
  return Array.from({ length: Math.floor(table.length / 56) }, (_, i) => {
    const entry = table.subarray(56 * i, 56 * (i + 1));
    const [fileAt, address, bytes] = [8, 16, 32].map((field) => Number(entry.readBigUInt64LE(field)));
    return { type: entry.readUInt32LE(0), fileAt: fileAt ?? 0, address: address ?? 0, bytes: bytes ?? 0 };
  });
}

function dynamicEntries(section: Buffer): { tag: bigint; value: bigint }[] {
  return Array.from({ length: Math.floor(section.length / 16) }, (_, i) => ({
    tag: section.readBigUInt64LE(16 * i),
    value: section.readBigUInt64LE(16 * i + 8),
  }));
}
