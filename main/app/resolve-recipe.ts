// The paths of a recipe, made absolute and looked up, so that a run means the same from every working directory and
// at every later time. Reads the beginnings of files at most.
import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { readAdapter } from '../checkpoints/adapter.ts';
import { ggufAt } from '../checkpoints/gguf/ready-model.ts';
import { modelOutline } from '../checkpoints/model-outline.ts';
import { splitOfName } from '../data/readers/splits.ts';
import { findSources } from '../data/sources.ts';
import { templateAt } from '../data/tokenizer-files.ts';
import { UserError } from '../errors.ts';
import { evaluates } from '../recipe/evaluation.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { cachedFolder, isHubId, type FetchFromHub, type HubPart } from './hub-folder.ts';

/** "~/" is the home folder of the person. */
export function absolute(path: string, from: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(from, path);
}

/** Globs and folders as the files they hold; a list inside a JSON object keeps its "#name". */
async function findFiles(entries: readonly string[], split: 'train' | 'test', from: string): Promise<string[]> {
  const sources = await findSources(
    entries.map((entry) => absolute(entry, from)),
    split,
  );
  // What a glob finds is relative to the process's own folder.
  const files = sources.map(({ path, listPath }) => resolve(path) + (listPath === undefined ? '' : `#${listPath}`));
  return [...new Set(files)];
}

/** Files named after an evaluation split in the folders that the recipe trains on. */
async function evalFilesInFolders(recipe: Recipe, from: string): Promise<string[] | undefined> {
  const folders = recipe.dataset_name
    .map((entry) => absolute(entry, from))
    .filter((path) => existsSync(path) && statSync(path).isDirectory());
  if (folders.length === 0) return undefined;
  const files = (await findFiles(folders, 'test', from)).filter((file) => splitOfName(basename(file)) === 'test');
  return files.length > 0 ? files : undefined;
}

/** `open` refuses what is no model or adapter, in words that fit what was given. */
function findFolder(value: string, from: string, open: (path: string) => unknown): string {
  const path = absolute(value, from);
  open(existsSync(path) ? path : value);
  return path;
}

/** The same for what may be named by its place on the Hub, where no folder has that name. */
async function findHubFolder(
  value: string,
  from: string,
  { part, open, fetch }: { part: HubPart; open: (path: string) => unknown; fetch: FetchFromHub | undefined },
): Promise<string> {
  const cached = cachedFolder(value, from, part);
  if (cached !== undefined || fetch === undefined || !isHubId(value, from))
    return findFolder(cached ?? value, from, open);
  return findFolder(await fetch(value, part), from, open);
}

function checkSplit(key: 'dataset_train_split' | 'dataset_test_split', value: string, wanted: 'train' | 'test'): void {
  if (splitOfName(value) === wanted) return;
  throw new UserError({
    code: 'recipe-value',
    message: `${key} is ${value}, and local files are only told apart as training and test files by their names.`,
    fix: `Remove ${key}, and give the files you mean with ${wanted === 'train' ? 'dataset_name' : 'eval_dataset_name'}.`,
  });
}

/**
 * The same recipe, after chainRuns, with absolute paths, globs and folders replaced by the files they hold, and the evaluation files of
 * a dataset folder filled in. `from` is the working directory; `fetch` brings what the Hugging Face cache lacks of the
 * Hub, without it that is refused. Throws UserError "eval-data-missing" and
 * "recipe-value", and those of a model, an adapter and files that cannot be used ("model-not-found" …).
 */
export async function resolveRecipe<R extends Recipe>(
  recipe: R,
  from: string,
  chain?: { order?: unknown },
  fetch?: FetchFromHub,
): Promise<R> {
  checkSplit('dataset_train_split', recipe.dataset_train_split, 'train');
  checkSplit('dataset_test_split', recipe.dataset_test_split, 'test');
  const needsEval = evaluates(recipe) && recipe.test_split_size === undefined;
  const evalFiles =
    recipe.eval_dataset_name !== undefined
      ? await findFiles(recipe.eval_dataset_name, 'test', from)
      : needsEval
        ? await evalFilesInFolders(recipe, from)
        : undefined;
  if (needsEval && evalFiles === undefined) {
    throw new UserError({
      code: 'eval-data-missing',
      message: `The recipe asks for evaluation (eval_strategy: ${recipe.eval_strategy}) but names no rows to evaluate on.`,
      fix: 'Set test_split_size, for example to 0.05, or eval_dataset_name to a file; or set eval_strategy: no.',
    });
  }
  const files = await findFiles(recipe.dataset_name, 'train', from);
  const isToBeMerged = chain?.order !== undefined;
  // Last: they may be large, and have to come first.
  const model = await findHubFolder(recipe.model_name_or_path, from, {
    part: 'model',
    open: isToBeMerged ? () => undefined : modelOutline,
    fetch,
  });
  const adapter =
    recipe.adapter_name_or_path === undefined
      ? undefined
      : await findHubFolder(recipe.adapter_name_or_path, from, { part: 'adapter', open: readAdapter, fetch });
  return {
    ...recipe,
    // A folder of one GGUF file means the file.
    model_name_or_path: ggufAt(model) ?? model,
    ...(adapter !== undefined && { adapter_name_or_path: adapter }),
    dataset_name: files,
    ...(evalFiles !== undefined && { eval_dataset_name: evalFiles }),
    ...(recipe.output_dir !== undefined && { output_dir: absolute(recipe.output_dir, from) }),
    ...('chat_template_path' in recipe &&
      recipe.chat_template_path !== undefined && {
        chat_template_path: findFolder(recipe.chat_template_path, from, templateAt),
      }),
    ...(recipe.logging_dir !== undefined && { logging_dir: absolute(recipe.logging_dir, from) }),
  };
}
