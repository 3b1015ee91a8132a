// What the operating system's refusals mean to a person who reads or saves a checkpoint.
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasSystemCode, messageOf, UserError } from '../errors.ts';

/** `verb` as in "could not be …": "read", "written". Anything that is not the machine's doing comes back unchanged. */
export function fileProblem(error: unknown, path: string, verb: 'read' | 'written' | 'removed'): unknown {
  if (error instanceof UserError) return error;
  const told = (code: string, why: string, fix: string): UserError =>
    new UserError({ code, message: `${path} could not be ${verb}: ${why}.`, fix }, { cause: error });
  if (hasSystemCode(error, 'ENOSPC', 'EDQUOT')) {
    const why = hasSystemCode(error, 'EDQUOT') ? 'your disk quota is used up' : `the disk is full${freeSpace(path)}`;
    return told(
      'disk-full',
      why,
      'Free some space or choose a folder on another disk, then run it again. Nothing half-written was left.',
    );
  }
  if (hasSystemCode(error, 'EACCES', 'EPERM'))
    return told('permission-denied', 'you have no permission', 'Change its permissions, or choose another path.');
  if (hasSystemCode(error, 'EROFS'))
    return told('read-only', 'it lies on a read-only disk', 'Choose a folder on a disk that can be written.');
  if (hasSystemCode(error, 'EFBIG'))
    return told('file-too-large', 'its file system takes no files of this size', 'Choose a folder on another disk.');
  if (hasSystemCode(error, 'ENOENT')) return told('file-not-found', 'it does not exist', 'Check the path.');
  if (hasSystemCode(error, 'EISDIR')) return told('not-a-file', 'it is a folder', 'Give the path of a file.');
  if (hasSystemCode(error, 'ENOTDIR', 'EEXIST'))
    return told('not-a-folder', 'a file is in the place of a folder', 'Choose another path.');
  if (hasSystemCode(error, 'ENAMETOOLONG'))
    return told('path-too-long', 'the path is too long', 'Choose a shorter one.');
  if (hasSystemCode(error, 'EIO'))
    return told(
      'disk-error',
      `the disk reports an error (${messageOf(error)})`,
      'Check the disk, or copy the files to another one.',
    );
  return error;
}

/** Runs `work`; what the operating system refuses in it becomes a UserError about `path`. */
export function withFileProblems<T>(path: string, verb: 'read' | 'written' | 'removed', work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw fileProblem(error, path, verb);
  }
}

function freeSpace(path: string): string {
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = statfsSync(folder);
      return `, ${((bavail * bsize) / 2 ** 20).toFixed(1)} MiB are free`;
    } catch (error) {
      // What was being written may be gone again: ask the folder above it.
      if (!hasSystemCode(error, 'ENOENT', 'ENOTDIR') || folder === dirname(folder)) return '';
    }
  }
}
