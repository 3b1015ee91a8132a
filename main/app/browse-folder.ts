// Lists a folder for a person who looks for something in it.
import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { CommandOutput, FolderEntry } from '../../preload/contract.ts';
import { fileProblem } from '../checkpoints/file-problem.ts';

const ENTRIES_LISTED = 2000;

/** Links are followed, what cannot be looked at is left out. Throws UserError "permission-denied", "not-a-folder" … */
export async function browseFolder(given: string | undefined): Promise<CommandOutput<'files.browse'>> {
  const folder = resolve(given === undefined ? homedir() : given.replace(/^~(?=$|\/)/, homedir()));
  const found = await entriesOf(folder);
  const shown = found.filter((name) => !name.startsWith('.')).sort(byName);
  const entries = await Promise.all(shown.slice(0, ENTRIES_LISTED).map((name) => entryOf(folder, name)));
  const parent = dirname(folder);
  return {
    folder,
    parent: parent === folder ? null : parent,
    entries: entries
      .filter((entry) => entry !== undefined)
      .sort((a, b) => Number(b.isFolder) - Number(a.isFolder) || byName(a.name, b.name)),
    isCut: shown.length > ENTRIES_LISTED,
  };
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw fileProblem(error, folder, 'read');
  }
}

async function entryOf(folder: string, name: string): Promise<FolderEntry | undefined> {
  const path = join(folder, name);
  try {
    return { name, path, isFolder: (await stat(path)).isDirectory() };
  } catch {
    return undefined; // a broken link, or another user's
  }
}

const { compare } = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
const byName = (a: string, b: string): number => compare(a, b);
