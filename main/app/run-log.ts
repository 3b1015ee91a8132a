// The end of what a job process has printed.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { hasSystemCode } from '../errors.ts';
import type { StoredRun } from '../store/runs.ts';
import { runFolder, type App } from './app.ts';

const MOST_BYTES = 64 * 1024;

/** At most the last 64 KiB of job.log, from the beginning of a line; empty where nothing was printed. */
export async function readLogEnd(
  app: App,
  run: Pick<StoredRun, 'id'>,
): Promise<{ text: string; path: string; isWhole: boolean }> {
  const path = join(runFolder(app, run), 'job.log');
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const from = Math.max(0, size - MOST_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), { position: from });
      const text = buffer.subarray(0, bytesRead).toString('utf8');
      return { text: from === 0 ? text : text.slice(text.indexOf('\n') + 1), path, isWhole: from === 0 };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return { text: '', path, isWhole: true };
    throw error;
  }
}
