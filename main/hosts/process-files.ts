// The entries of our child processes: beside this file in the build, in their own folders in the sources.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const entryFile = (built: string, source: string): string => {
  const path = join(import.meta.dirname, built);
  return existsSync(path) ? path : join(import.meta.dirname, source);
};

export const workerFile = (): string => entryFile('worker.js', '../job/worker.ts');
export const errandFile = (): string => entryFile('errand.js', 'errand.ts');
