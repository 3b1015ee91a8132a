// The paths of a recipe, made absolute and looked up, so that a run means the same from every working directory.
// Reads folder listings, never file contents.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, extname, join, resolve } from 'node:path';
import { globSync, isDynamicPattern } from 'tinyglobby';
import { UserError } from '../errors.ts';
import { evaluates } from './parse.ts';
import type { SftRecipe } from './sft-recipe.ts';

const DATA_EXTENSIONS = new Set(['.json', '.jsonl', '.ndjson', '.csv', '.tsv', '.parquet', '.txt']);

const EVAL_SPLITS = new Set(['test', 'validation', 'valid', 'val', 'dev', 'eval']);

function absolute(path: string, from: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(from, path);
}

/** The words of a file name: "train-00001.jsonl" -> train, 00001. */
const nameWords = (file: string): string[] =>
  basename(file, extname(file))
    .toLowerCase()
    .split(/[-_.\s]+/);

function filesOfFolder(folder: string, split: string): string[] {
  const files = readdirSync(folder)
    .filter((name) => DATA_EXTENSIONS.has(extname(name).toLowerCase()) && !name.startsWith('.'))
    .sort()
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile());
  const named = files.filter((file) => nameWords(file).includes(split.toLowerCase()));
  if (named.length > 0 || split !== 'train') return named;
  // No file is named after the training split: everything that is not an evaluation split trains.
  return files.filter((file) => !nameWords(file).some((word) => EVAL_SPLITS.has(word)));
}

function findFiles(key: string, entries: readonly string[], split: string, from: string): string[] {
  const files = entries.flatMap((entry) => {
    const path = absolute(entry, from);
    if (existsSync(path)) {
      if (!statSync(path).isDirectory()) return [path];
      const found = filesOfFolder(path, split);
      if (found.length > 0) return found;
      throw new UserError({
        code: 'dataset-not-found',
        message: `${key}: the folder ${path} holds no data file${split === 'train' ? '' : ` named after the split ${split}`} (${[...DATA_EXTENSIONS].join(', ')}).`,
        fix: `Set ${key} to a folder that holds one, or to the files themselves.`,
      });
    }
    const matches = isDynamicPattern(entry)
      ? globSync(entry.replaceAll('\\', '/'), { cwd: from, absolute: true }).sort()
      : [];
    if (matches.length > 0) return matches;
    throw new UserError({
      code: 'dataset-not-found',
      message: isDynamicPattern(entry)
        ? `${key}: no file matches ${entry} (looked from ${from}).`
        : `${key}: there is no file or folder ${path}.`,
      fix: `Set ${key} to an existing file, glob or folder. Datasets on the Hub have to be downloaded first.`,
    });
  });
  return [...new Set(files)];
}

/** Files of the evaluation split that lie in the same folders as the training files, or undefined. */
function evalFilesInFolders(recipe: SftRecipe, from: string): string[] | undefined {
  const folders = recipe.dataset_name
    .map((entry) => absolute(entry, from))
    .filter((path) => existsSync(path) && statSync(path).isDirectory());
  const files = folders.flatMap((folder) => filesOfFolder(folder, recipe.dataset_test_split));
  return files.length > 0 ? files : undefined;
}

function findModel(key: 'model_name_or_path' | 'adapter_name_or_path', value: string, from: string): string {
  const path = absolute(value, from);
  if (existsSync(path)) return path;
  const what = key === 'model_name_or_path' ? 'model' : 'adapter';
  throw new UserError({
    code: `${what}-not-found`,
    message: `${key}: there is no folder ${path}.`,
    fix: `Set ${key} to the local folder of the ${what}. One on the Hub has to be downloaded first.`,
  });
}

/**
 * The same recipe with absolute paths, globs and folders replaced by the files they hold, and evaluation files of a
 * dataset folder filled in. `from` is the working directory. Throws UserError "dataset-not-found", "model-not-found",
 * "adapter-not-found" or "eval-data-missing".
 */
export function resolvePaths(recipe: SftRecipe, from: string): SftRecipe {
  const needsEval = evaluates(recipe) && recipe.test_split_size === undefined;
  const evalFiles =
    recipe.eval_dataset_name !== undefined
      ? findFiles('eval_dataset_name', recipe.eval_dataset_name, recipe.dataset_test_split, from)
      : needsEval
        ? evalFilesInFolders(recipe, from)
        : undefined;
  if (needsEval && evalFiles === undefined) {
    throw new UserError({
      code: 'eval-data-missing',
      message: `The recipe asks for evaluation (eval_strategy: ${recipe.eval_strategy}) but names no rows to evaluate on.`,
      fix: 'Set test_split_size, for example to 0.05, or eval_dataset_name to a file; or set eval_strategy: no.',
    });
  }
  return {
    ...recipe,
    model_name_or_path: findModel('model_name_or_path', recipe.model_name_or_path, from),
    ...(recipe.adapter_name_or_path !== undefined && {
      adapter_name_or_path: findModel('adapter_name_or_path', recipe.adapter_name_or_path, from),
    }),
    dataset_name: findFiles('dataset_name', recipe.dataset_name, recipe.dataset_train_split, from),
    ...(evalFiles !== undefined && { eval_dataset_name: evalFiles }),
    ...(recipe.output_dir !== undefined && { output_dir: absolute(recipe.output_dir, from) }),
  };
}
