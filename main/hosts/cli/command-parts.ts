// Parts that several commands share: arguments, options, ways to print.
import { resolve } from 'node:path';
import { Argument, Option } from 'commander';
import type { App } from '../../app/app.ts';
import { resourcePath } from '../../app/resources.ts';
import { withPreset } from '../../recipe/presets.ts';
import { METHODS, type Method } from '../../recipe/recipe.ts';
import { readRecipeFile } from '../../recipe/yaml.ts';
import { recipeArguments } from './recipe-arguments.ts';

export type Json = { json?: true };

/** Opens home and history for a command, and closes them after it. */
export type WithApp = <Result>(work: (app: App) => Result | Promise<Result>) => Promise<Result>;

export const jsonOption = (what: string): Option => new Option('--json', what);

export const configOption = (): Option => new Option('--config <file>', 'recipe as YAML');

export const presetOption = (): Option =>
  new Option('--preset <name>', 'settings to start from, which the recipe replaces; lorelei presets lists them');

export const methodOption = (): Option =>
  new Option('--method <name>', 'the method that the recipe is for; unset: what its keys belong to').choices(METHODS);

export const runArgument = (): Argument => new Argument('<run>', 'name of the run, its beginning, or "latest"');

export const recipeArgument = (): Argument =>
  new Argument('[keys...]', 'recipe keys, which replace those of the file: --learning_rate 1e-4');

export function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** The keys of a run: those of the recipe file, replaced by those on the command line. */
export function recipeValues(config: string | undefined, words: readonly string[]): Record<string, unknown> {
  return { ...(config === undefined ? {} : readRecipeFile(resolve(config))), ...recipeArguments(words) };
}

/** The same keys, above those of a preset where one is named. */
export function overPreset(
  values: Record<string, unknown>,
  { method, preset }: { method: Method; preset?: string },
): Record<string, unknown> {
  return preset === undefined ? values : withPreset(resourcePath('presets'), { method, name: preset }, values);
}
