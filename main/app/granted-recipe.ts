// The paths that a window names, found as those who use them find them, and held against what it may use
// (file-grants.ts). Relative ones start in the person's folder. Nothing is opened before its path is allowed.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { partsOf } from '../checkpoints/gguf/file-names.ts';
import { hubModelNamed, snapshotOf } from '../checkpoints/hub-cache.ts';
import { filesNamed, startOfEntry } from '../data/sources.ts';
import { cachedModel } from '../hub/cache.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { App } from './app.ts';
import { cachedFolder } from './hub-folder.ts';
import { absolute } from './resolve-recipe.ts';

const isRun = (reference: string): boolean => reference.startsWith('run:');

/** Where something that was typed begins: "~/data/*.jsonl" -> the folder data. */
export function placeTyped(typed: string): string {
  return startOfEntry(absolute(typed.trim() === '~' ? '~/' : typed.trim(), homedir()));
}

/** Throws UserError "file-not-granted" unless a window may use all that the recipe names. */
export async function requireRecipe(app: App, recipe: Recipe): Promise<void> {
  const { adapter_name_or_path: adapter, output_dir: output, logging_dir: logs } = recipe;
  const template = recipe.method === 'sft' ? recipe.chat_template_path : undefined;
  requireModel(app, recipe.model_name_or_path);
  const isElsewhere = adapter !== undefined && (isRun(adapter) || cachedFolder(adapter, homedir(), 'adapter'));
  requireFolders(app, placesOf(isElsewhere ? undefined : adapter, template));
  app.grants.require(placesOf(output, logs));
  await requireData(app, [...recipe.dataset_name, ...(recipe.eval_dataset_name ?? [])]);
}

function placesOf(...paths: (string | undefined)[]): string[] {
  return paths.filter((path) => path !== undefined).map((path) => absolute(path, homedir()));
}

/** The same of files, folders and patterns of data. */
export async function requireData(app: App, entries: readonly string[]): Promise<void> {
  app.grants.require(entries.map(placeTyped));
  for (const entry of entries) app.grants.require(await filesNamed(absolute(entry, homedir())));
}

/** The same of a model, for whoever opens it: a folder, run:NAME as it is, or a Hub id where no folder has its name. */
export function requireModel(app: App, named: string): string {
  if (isRun(named)) return named;
  const folder = absolute(named, homedir());
  const onHub = hubModelNamed(named);
  if (onHub && !existsSync(folder)) {
    const cached = cachedModel(app.hub.cache, onHub.id, onHub.file);
    if (cached !== undefined) return cached;
    if (!existsSync(resolve(named))) return named;
  }
  requireFolders(app, [folder]);
  return folder;
}

/** A model that came of one: the base of an adapter lies where the adapter says. */
export function requireFound(app: App, folder: string | null): void {
  if (folder !== null && isAbsolute(folder)) requireFolders(app, [folder]);
}

/** With what they hold: a link in them may lead elsewhere. */
function requireFolders(app: App, folders: readonly string[]): void {
  // A GGUF file may be one of several that are read together.
  app.grants.require(folders.flatMap(partsOf).filter((path) => folders.includes(path) || existsSync(path)));
  app.grants.require(folders.flatMap(linksIn));
}

function linksIn(path: string): string[] {
  if (!existsSync(path) || !statSync(path).isDirectory()) return [];
  const folder = snapshotOf(path);
  const links = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isSymbolicLink());
  // One that leads nowhere can be read by nobody.
  return links.map(({ name }) => join(folder, name)).filter((link) => existsSync(link));
}
