// The files of a model or adapter folder as others may see them: without the paths of this machine.
import { openAsBlob, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { looksLikeHubId } from '../checkpoints/hub-cache.ts';
import { tokenizerFileNames } from '../checkpoints/tokenizer-files.ts';

export type PublicFile = { path: string; content: Blob };

/** Where transformers and PEFT note what a model was loaded from. */
const originKeys = new Set(['base_model_name_or_path', '_name_or_path', 'name_or_path', 'tokenizer_file']);

/** Larger ones hold no settings: tokenizer.json, the index of shards. */
const LARGEST_SETTINGS = 1 << 20;

const beside = new Set(['README.md', 'loss.png', 'generation_config.json', ...tokenizerFileNames]);

/**
 * The files of the folder that `main` matches, and those that lie beside a model: a recipe, logs and whatever else is in
 * it stay here. Contents are read when they are sent.
 */
export async function publicFiles(folder: string, main: RegExp): Promise<PublicFile[]> {
  const files: PublicFile[] = [];
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    const stat = statSync(path);
    if (!stat.isFile() || !(main.test(name) || beside.has(name))) continue;
    const isSettings = name.endsWith('.json') && stat.size <= LARGEST_SETTINGS;
    const content = isSettings ? new Blob([withoutPaths(readFileSync(path, 'utf8'))]) : await openAsBlob(path);
    files.push({ path: name, content });
  }
  return files;
}

/** The text of a JSON file in which what a model was loaded from is a Hub id or null, never a path. */
export function withoutPaths(text: string): string {
  const removed: string[] = [];
  const value: unknown = JSON.parse(text, (key, entry: unknown) => {
    if (!originKeys.has(key) || typeof entry !== 'string' || isPublicName(entry)) return entry;
    removed.push(entry);
    return null;
  });
  // As it was where nothing had to go: numbers such as 1e-05 would be written otherwise.
  return removed.length > 0 ? `${JSON.stringify(value, null, 2)}\n` : text;
}

/** A Hub id, or an old one without an owner ("gpt2"). */
const isPublicName = (name: string): boolean => looksLikeHubId(name) || /^\w[\w.-]*$/.test(name);
