// A Hugging Face cache made of a model folder: contents in blobs, a snapshot that links to them.
import { copyFileSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { scratchFolder } from './scratch.ts';

export type HubCache = { repository: string; snapshot: string; blobs: string };

/** `blobFolders` spreads the blobs over several folders, which no real cache does, but links may. */
export function hubCache(model: string, owner: string, name: string, blobFolders = ['blobs']): HubCache {
  const repository = join(scratchFolder(), `models--${owner}--${name}`);
  const snapshot = join(repository, 'snapshots', 'abc123');
  for (const folder of ['refs', 'snapshots/abc123', ...blobFolders])
    mkdirSync(join(repository, folder), { recursive: true });
  writeFileSync(join(repository, 'refs/main'), 'abc123');
  const files = readdirSync(model).filter((file) => statSync(join(model, file)).isFile());
  for (const [i, file] of files.entries()) {
    const blob = join(repository, blobFolders[i % blobFolders.length] ?? '', `0123456789abcdef-${String(i)}`);
    copyFileSync(join(model, file), blob);
    symlinkSync(relative(snapshot, blob), join(snapshot, file));
  }
  return { repository, snapshot, blobs: join(repository, 'blobs') };
}
