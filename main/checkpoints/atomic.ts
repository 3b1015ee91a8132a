// Files and folders that appear whole or not at all: written aside, flushed to the disk, renamed. Knows no format.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hasSystemCode, UserError } from '../errors.ts';
import { fileProblem, withFileProblems } from './file-problem.ts';

const partialMark = '.partial-';

/** True for what a write leaves behind when its process is killed. */
export function isPartial(name: string): boolean {
  return name.startsWith('.') && name.includes(partialMark);
}

/** A hidden name that no other write uses. */
export function partialName(name: string): string {
  return `.${name}${partialMark}${String(process.pid)}-${randomBytes(4).toString('hex')}`;
}

/** Writes one file, or replaces it, through `fill`. On any error the old file, if any, is as it was. */
export function writeFileAtomically(path: string, fill: (write: (bytes: Uint8Array) => void) => void): void {
  withFileProblems(path, 'written', () => {
    const aside = join(dirname(path), partialName(basename(path)));
    const file = openSync(aside, 'wx');
    try {
      try {
        fill((bytes) => {
          for (let done = 0; done < bytes.length;)
            done += writeSync(file, bytes, done, Math.min(bytes.length - done, maxWrite));
        });
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(aside, path);
    } catch (error) {
      rmSync(aside, { force: true });
      throw error;
    }
    flushFolder(dirname(path));
  });
}

// One call takes at most 2 GiB.
const maxWrite = 2 ** 30;

/**
 * Writes a flat folder of files through `fill`, which puts them into the folder it is given. A folder that does not
 * exist yet appears complete. Into one that exists, the files are moved when all of them are complete, replacing
 * those of the same name: so that it may be a mounted volume, and nothing else in it is touched.
 */
export function writeFolderAtomically(folder: string, fill: (aside: string) => void): void {
  withFileProblems(folder, 'written', () => {
    const begun = beginFolder(folder);
    try {
      fill(begun.aside);
      begun.keep();
    } catch (error) {
      throw begun.drop(error);
    }
  });
}

/**
 * The same for what takes long and may be aborted. Of a folder that exists, files that match `stale` and were not
 * written anew are removed: the shards of a model that had more of them.
 */
export async function writeLargeFolderAtomically(
  folder: string,
  fill: (aside: string) => Promise<void>,
  { stale }: { stale?: RegExp } = {},
): Promise<void> {
  try {
    const begun = beginFolder(folder);
    try {
      await fill(begun.aside);
      begun.keep(stale);
    } catch (error) {
      throw begun.drop(error);
    }
  } catch (error) {
    throw fileProblem(error, folder, 'written');
  }
}

/** `keep` puts the files in place; `drop` removes them, and gives the error back in the words of the final place. */
type BegunFolder = { aside: string; keep: (stale?: RegExp) => void; drop: (error: unknown) => unknown };

function beginFolder(folder: string): BegunFolder {
  const exists = existsSync(folder);
  const parent = exists ? folder : dirname(folder);
  mkdirSync(parent, { recursive: true });
  const aside = join(parent, partialName(exists ? 'files' : basename(folder)));
  mkdirSync(aside);
  return {
    aside,
    keep(stale) {
      const names = readdirSync(aside);
      for (const name of names) flushFile(join(aside, name));
      flushFolder(aside);
      if (exists) {
        for (const name of names) renameSync(join(aside, name), join(folder, name));
        rmSync(aside, { recursive: true });
        for (const name of readdirSync(folder))
          if (stale?.test(name) === true && !names.includes(name)) rmSync(join(folder, name));
      } else {
        renameSync(aside, folder);
      }
      flushFolder(parent);
    },
    drop(error) {
      rmSync(aside, { recursive: true, force: true });
      return inFinalPlace(error, aside, folder);
    },
  };
}

/** Removes a folder so that no half of it is ever seen under its name. */
export function removeFolderAtomically(folder: string): void {
  withFileProblems(folder, 'removed', () => {
    const aside = join(dirname(folder), partialName(basename(folder)));
    renameSync(folder, aside);
    rmSync(aside, { recursive: true });
  });
}

/** Removes what writes into a folder have left behind whose processes were killed. */
export function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = Number(/\.partial-(\d+)-/.exec(name)?.[1]);
    if (isPartial(name) && !isRunning(pid)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasSystemCode(error, 'ESRCH');
  }
}

/** An error inside speaks of a place that nobody asked for and that is gone. */
function inFinalPlace(error: unknown, aside: string, folder: string): unknown {
  if (!(error instanceof UserError)) return error;
  const { code, message, fix } = error;
  return new UserError({ code, message: message.replaceAll(aside, folder), fix }, { cause: error.cause });
}

function flushFile(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes renames in a folder last. Windows has no such call and needs none. */
export function flushFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } catch (error) {
    // Some network file systems have no such call either.
    if (!hasSystemCode(error, 'EINVAL', 'ENOTSUP')) throw error;
  } finally {
    closeSync(folder);
  }
}
