// Which files of a model folder make up its tokenizer, and their copy beside an adapter. What they say is data's.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { withFileProblems } from './file-problem.ts';

export const tokenizerFileNames = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  'tokenizer.model',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
];

/** Full paths of those that are there. */
export function findTokenizerFiles(folder: string): string[] {
  return tokenizerFileNames.map((name) => join(folder, name)).filter((path) => existsSync(path));
}

/** Copies the contents, not links or permissions: caches link to files that may be removed and are often read-only. */
export function copyTokenizerFiles(files: readonly string[], into: string): void {
  for (const path of files) {
    const bytes = withFileProblems(path, 'read', () => readFileSync(path));
    writeFileSync(join(into, basename(path)), bytes);
  }
}
