// Takes a file from a browser over HTTP, piece by piece onto the disk: no size is too large but the disk's.
import type { IncomingMessage } from 'node:http';
import type { App } from '../app/app.ts';
import { receiveUpload } from '../app/uploads.ts';
import { UserError } from '../errors.ts';
import type { CommandResult } from '../../preload/contract.ts';

/** The answer, as to a command, with its HTTP status. Undefined where whoever sent it has gone. */
export type UploadReply = { status: number; result: CommandResult<{ path: string }> };

/** A connection on which nothing comes for so long is given up. */
const IDLE_MS = 30_000;

/** `request` has been found to be from our own page; its body is the file. Never throws for what a sender can do. */
export async function takeUpload(
  app: App,
  request: IncomingMessage,
  name: string,
  idleMs = IDLE_MS,
): Promise<UploadReply | undefined> {
  // Browsers send no such type without asking us first, which nobody answers.
  if (request.headers['content-type'] !== 'application/octet-stream') {
    return refused(415, 'upload-type', 'An upload is sent as application/octet-stream.', 'Use the page of Lorelei.');
  }
  const bytes = Number(request.headers['content-length'] ?? NaN);
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    return refused(411, 'upload-length', 'An upload says first how long it is.', 'Use the page of Lorelei.');
  }
  const idle = setTimeout(() => request.destroy(), idleMs);
  request.on('data', () => idle.refresh());
  request.pause(); // until it is written
  try {
    return { status: 200, result: { ok: true, value: { path: await receiveUpload(app.home, name, bytes, request) } } };
  } catch (error) {
    if (error instanceof UserError)
      return { status: error.code === 'disk-full' ? 507 : 500, result: { ok: false, error: error.toDetails() } };
    if (!request.complete) return undefined;
    throw error;
  } finally {
    clearTimeout(idle);
  }
}

function refused(status: number, code: string, message: string, fix: string): UploadReply {
  return { status, result: { ok: false, error: { code, message, fix } } };
}
