// Asks whether a disk has room, before hours or gigabytes are spent on what would not fit.
import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { UserError } from '../errors.ts';
import { withFileProblems } from './file-problem.ts';

/** @throws UserError "disk-full" unless `bytes` are free where `folder` is or will be */
export function requireDiskSpace(folder: string, bytes: number): void {
  const free = freeDiskSpace(folder);
  if (free >= bytes) return;
  throw new UserError({
    code: 'disk-full',
    message: `${folder} will take ${sizeText(bytes)}, and only ${sizeText(free)} are free there.`,
    fix: 'Free some space or choose a folder on another disk. Nothing was written.',
  });
}

/** Bytes free where `folder` is or will be. */
export function freeDiskSpace(folder: string): number {
  let existing = folder;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const { bavail, bsize } = withFileProblems(existing, 'read', () => statfsSync(existing));
  return bavail * bsize;
}

function sizeText(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
