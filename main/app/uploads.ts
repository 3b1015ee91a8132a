// Files that a browser handed over where it cannot name them: under `lorelei serve`, which may run on another machine.
// They are written to the home as they arrive, whole or not at all, under names that are safe everywhere.
import {
  closeSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { stat, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CommandOutput } from '../../preload/contract.ts';
import { isPartial, partialName } from '../checkpoints/atomic.ts';
import { freeDiskSpace } from '../checkpoints/disk-space.ts';
import { fileProblem, withFileProblems } from '../checkpoints/file-problem.ts';
import { hasSystemCode, UserError } from '../errors.ts';
import type { App } from './app.ts';
import { isUnderWay, withTrueStatus } from './find-run.ts';

/** Left for the history and for runs, which must be able to save. */
const KEPT_FREE_BYTES = 250e6;

/** An upload that goes on writes all the time; what has not changed for so long was left by a program that ended. */
const ABANDONED_MS = 3_600_000;

const NAME_BYTES = 200;

type Folder = Pick<App['home'], 'uploads'>;

/** Throws UserError "disk-full" where a file of this size does not fit. */
export function requireRoom({ uploads }: Folder, name: string, bytes: number): void {
  const free = freeDiskSpace(uploads);
  if (bytes + KEPT_FREE_BYTES <= free) return;
  throw new UserError({
    code: 'disk-full',
    message: `${name} has ${gigabytes(bytes)}, and only ${gigabytes(free)} are free where Lorelei keeps uploads (${uploads}).`,
    fix: 'Free some space there, or copy the file to a larger disk of that machine and pick it with Browse.',
  });
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e8 ? 3 : 1)} GB`;

/**
 * Writes what arrives to a new file and gives its path. Throws UserError "disk-full" and others of the disk, and the
 * stream's error where it breaks off; then nothing is left.
 */
export async function receiveUpload(home: Folder, named: string, bytes: number, body: Readable): Promise<string> {
  const { uploads } = home;
  const name = safeName(named);
  requireRoom(home, name, bytes);
  withFileProblems(uploads, 'written', () => mkdirSync(uploads, { recursive: true }));
  removeAbandoned(home);
  const aside = join(uploads, partialName('upload'));
  try {
    await pipeline(body, createWriteStream(aside, { flags: 'wx', mode: 0o600, flush: true }));
    const path = join(uploads, takeName(uploads, name));
    renameSync(aside, path);
    return path;
  } catch (error) {
    rmSync(aside, { force: true });
    throw fileProblem(error, join(uploads, name), 'written');
  }
}

/** A name that every system takes, without parts of a path, patterns, or anything that does not show. */
export function safeName(given: string): string {
  const last = given.normalize('NFC').split(/[\\/]/).at(-1) ?? '';
  const plain = last
    .replace(/[\p{C}<>:"|?*#%[\]{}]/gu, '_')
    .replace(/^[.\s]+/u, '')
    .replace(/[.\s]+$/u, '');
  const whole = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(plain) ? `_${plain}` : plain;
  if (whole === '') return 'upload';
  const ending = extname(whole).slice(0, 20);
  let stem = whole.slice(0, whole.length - extname(whole).length);
  while (Buffer.byteLength(stem + ending) > NAME_BYTES) stem = Array.from(stem).slice(0, -1).join('');
  return stem + ending;
}

/** Takes the name, or one with a number, by making an empty file: no two uploads get the same. */
function takeName(folder: string, name: string): string {
  const ending = extname(name);
  const stem = name.slice(0, name.length - ending.length);
  for (let n = 1; ; n += 1) {
    const free = n === 1 ? name : `${stem}-${String(n)}${ending}`;
    try {
      closeSync(openSync(join(folder, free), 'wx'));
      return free;
    } catch (error) {
      if (!hasSystemCode(error, 'EEXIST')) throw error;
    }
  }
}

/** What uploads of programs that ended have left. */
function removeAbandoned({ uploads }: Folder): void {
  for (const name of readdirSync(uploads).filter(isPartial)) {
    const path = join(uploads, name);
    void stat(path)
      .then(({ mtimeMs }) => (Date.now() - mtimeMs > ABANDONED_MS ? rm(path, { force: true }) : undefined))
      .catch(() => undefined); // gone already
  }
}

/** Newest first. */
export async function listUploads({ uploads }: Folder): Promise<CommandOutput<'uploads.list'>> {
  if (!existsSync(uploads)) return [];
  const names = readdirSync(uploads).filter((name) => !name.startsWith('.'));
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(uploads, name);
      const stats = await stat(path).catch(() => undefined);
      return stats?.isFile() === true ? [{ name, path, bytes: stats.size, uploadedAt: stats.mtimeMs }] : [];
    }),
  );
  return found.flat().sort((a, b) => b.uploadedAt - a.uploadedAt);
}

/** Throws UserError "upload-not-found", or "upload-in-use" while a run reads it or waits to. */
export async function removeUpload({ home, history }: App, name: string): Promise<void> {
  const found = (await listUploads(home)).find((upload) => upload.name === name);
  if (found === undefined) {
    throw new UserError({
      code: 'upload-not-found',
      message: `There is no upload ${name} any more.`,
      fix: 'Look at the list again.',
    });
  }
  const { runs } = history;
  const users = [...runs.underWay().filter((run) => isUnderWay(withTrueStatus(run))), ...runs.queue()];
  const user = users.find(({ recipe }) => JSON.stringify(recipe).includes(JSON.stringify(found.path).slice(1, -1)));
  if (user !== undefined) {
    throw new UserError({
      code: 'upload-in-use',
      message: `The run ${user.id} is ${user.status === 'queued' ? 'waiting' : 'under way'} and learns from ${name}.`,
      fix: 'Remove it when the run has ended.',
    });
  }
  withFileProblems(found.path, 'removed', () => rmSync(found.path));
}
