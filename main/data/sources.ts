// From what the recipe says (paths, globs, folders, "file.json#list") to the list of files to read, in a fixed order.
import { existsSync, statSync } from 'node:fs';
import { basename, extname, join, normalize, resolve, sep } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { UserError } from '../errors.ts';
import { FORMAT_OF_EXTENSION, sniffFormat, type DataFormat } from './readers/format.ts';
import { splitOfName } from './readers/splits.ts';

export type SourceFile = {
  path: string;
  /** As messages name it: the path as given or found. */
  label: string;
  format: DataFormat;
  bytes: number;
  /** The list inside a JSON object, written after "#". */
  listPath?: string;
};

/**
 * `split` chooses among the files of a folder whose names tell splits apart (train.jsonl, test.jsonl).
 * Throws UserError dataset-not-found and those of sniffFormat.
 */
export async function findSources(files: string[], split: 'train' | 'test' = 'train'): Promise<SourceFile[]> {
  if (files.length === 0) {
    throw new UserError({
      code: 'dataset-missing',
      message: 'No dataset is given.',
      fix: 'Set dataset_name to a file, a folder or a pattern such as data/*.jsonl.',
    });
  }
  const found: SourceFile[] = [];
  for (const wanted of files) {
    const { name, listPath } = splitListPath(wanted);
    for (const path of await expand(name, split)) {
      const { format, bytes } = sniffFormat(path, path);
      found.push({ path, label: path, format, bytes, ...(listPath === undefined ? {} : { listPath }) });
    }
  }
  return found.filter((source, i) => found.findIndex((other) => samePlace(other, source)) === i);
}

/**
 * Every file that an entry of dataset_name could mean, of whatever split, found without opening one: itself, those of a
 * folder, those that match a pattern. None where there is none.
 */
export async function filesNamed(wanted: string): Promise<string[]> {
  const { name } = splitListPath(wanted);
  if (existsSync(name)) return statSync(name).isDirectory() ? dataFilesBelow(name) : [name];
  // What a pattern finds is relative to the process's own folder.
  return isDynamicPattern(name) ? (await matchesOf(name)).map((path) => resolve(path)) : [];
}

/** Where an entry of dataset_name starts: the file or folder itself, the folder that a pattern is below. */
export function startOfEntry(wanted: string): string {
  const { name } = splitListPath(wanted);
  if (existsSync(name) || !isDynamicPattern(name)) return name;
  const parts = name.split(/[\\/]/);
  const first = parts.findIndex((part) => /[*?[\]{}]|[@!+]\(/.test(part));
  return parts.slice(0, first < 0 ? -1 : first).join(sep) || sep;
}

function samePlace(a: SourceFile, b: SourceFile): boolean {
  return normalize(a.path) === normalize(b.path) && a.listPath === b.listPath;
}

/** "file.json#train.samples" -> file and list, unless a file of the whole name exists. */
function splitListPath(wanted: string): { name: string; listPath?: string } {
  const hash = wanted.lastIndexOf('#');
  if (hash < 0 || existsSync(wanted)) return { name: wanted };
  return { name: wanted.slice(0, hash), listPath: wanted.slice(hash + 1) };
}

async function expand(name: string, split: 'train' | 'test'): Promise<string[]> {
  if (existsSync(name)) return statSync(name).isDirectory() ? await filesOfFolder(name, split) : [name];
  if (isDynamicPattern(name)) {
    const matches = await matchesOf(name);
    if (matches.length > 0) return sortNaturally(matches);
    throw notFound(name, `No file matches "${name}".`);
  }
  throw notFound(name, `There is no file or folder "${name}".`);
}

const matchesOf = (pattern: string): Promise<string[]> =>
  glob(pattern.replaceAll('\\', '/'), { onlyFiles: true, expandDirectories: false });

const dataNamesBelow = async (folder: string): Promise<string[]> =>
  (await glob('**/*', { cwd: folder, onlyFiles: true, dot: false })).filter((name) => isDataFile(name));

const dataFilesBelow = async (folder: string): Promise<string[]> =>
  (await dataNamesBelow(folder)).map((name) => join(folder, name));

async function filesOfFolder(folder: string, split: 'train' | 'test'): Promise<string[]> {
  const data = sortNaturally(await dataNamesBelow(folder));
  const ofSplit = data.filter((name) => splitOfName(basename(name)) === split);
  const chosen = ofSplit.length > 0 ? ofSplit : data.filter((name) => splitOfName(basename(name)) === undefined);
  if (chosen.length > 0) return chosen.map((name) => join(folder, name));
  throw notFound(
    folder,
    data.length > 0
      ? `The folder "${folder}" has no file for the ${split} split, only ${data.slice(0, 8).join(', ')}.`
      : `The folder "${folder}" has no data files (${Object.keys(FORMAT_OF_EXTENSION).join(', ')}).`,
  );
}

/** Prose beside the data, such as README.md, is not training data unless it is named directly. */
function isDataFile(name: string): boolean {
  const ending = extname(name).toLowerCase();
  return ending in FORMAT_OF_EXTENSION && ending !== '.md' && !/^(readme|license|licence)\b/i.test(basename(name));
}

function sortNaturally(names: string[]): string[] {
  const order = new Intl.Collator('en', { numeric: true });
  return names.sort((a, b) => order.compare(a, b));
}

function notFound(name: string, message: string): UserError {
  const likeHubId = /^[\w.-]+\/[\w.-]+$/.test(name) && extname(name) === '';
  return new UserError({
    code: 'dataset-not-found',
    message,
    fix: likeHubId
      ? `If "${name}" is a dataset on a hub: download its files first and set dataset_name to their folder.`
      : 'Check the path; it is taken from the folder where the command runs.',
  });
}
