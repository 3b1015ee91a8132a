// How much a folder takes on the disk. Others may write to it meanwhile.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasSystemCode } from '../errors.ts';

/** Bytes of all files below; links are not followed. Undefined where there is no such folder, or none that may be read. */
export async function bytesBelow(folder: string): Promise<number | undefined> {
  const entries = await unlessGone(readdir(folder, { withFileTypes: true }));
  if (entries === undefined) return undefined;
  let bytes = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += (await bytesBelow(path)) ?? 0;
    else if (entry.isFile()) bytes += (await unlessGone(stat(path)))?.size ?? 0;
  }
  return bytes;
}

async function unlessGone<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}
