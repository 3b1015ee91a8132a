// A copy of onnxruntime-node that was installed with CUDA support: checked byte for byte before it is loaded.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { messageOf } from '../../errors.ts';

/** What such a folder says of itself. */
export const recordFile = 'installed.json';

/** The environment variable that names the folder to a process that may load it. */
export const libraryFolderVariable = 'LORELEI_ONNXRUNTIME';

/** Requires the package from the folder. Throws where a library is not the one that was installed. */
export async function loadInstalled(folder: string): Promise<unknown> {
  await checkInstalled(folder);
  return createRequire(join(folder, 'index.js'))('onnxruntime-node') as unknown;
}

/** Throws an Error with the reason in words. */
export async function checkInstalled(folder: string): Promise<void> {
  const { sha256 } = JSON.parse(await readFile(join(folder, recordFile), 'utf8')) as {
    sha256: Record<string, string>;
  };
  for (const [path, expected] of Object.entries(sha256)) {
    const found = await sha256Of(join(folder, path)).catch((error: unknown) => {
      throw new Error(`${path} in ${folder} cannot be read (${messageOf(error)})`, { cause: error });
    });
    if (found !== expected) throw new Error(`${path} in ${folder} is not the file that was installed`);
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>)
    hash.update(piece);
  return hash.digest('hex');
}
