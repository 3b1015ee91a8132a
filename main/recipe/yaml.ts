// Recipes as YAML files, as `trl sft --config` and `trl dpo --config` read them.
import { readFileSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { LineCounter, parseDocument, stringify } from 'yaml';
import { hasSystemCode, messageOf, UserError } from '../errors.ts';
import { keysOf, methods, type Method, type Recipe } from './recipe.ts';

/**
 * The keys and values of a recipe file, unchecked: give them to parseRecipe. Throws UserError "recipe-not-found",
 * "recipe-unreadable" or "recipe-not-yaml" (with file and line).
 */
export function readRecipeFile(path: string): Record<string, unknown> {
  return recipeKeysIn(readText(path), path);
}

/** The same of YAML text; `path` says in errors where it is from. Throws UserError "recipe-not-yaml". */
export function recipeKeysIn(text: string, path: string): Record<string, unknown> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new UserError({
      code: 'recipe-not-yaml',
      message: `${path}:${String(line)}:${String(col)} is not valid YAML: ${problem.message}`,
      fix: 'Correct this line; a recipe holds one "key: value" per line.',
    });
  }
  const values: unknown = document.toJS();
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new UserError({
      code: 'recipe-not-yaml',
      message: `${path} holds ${values === null ? 'nothing' : Array.isArray(values) ? 'a list' : 'a single value'} instead of recipe keys.`,
      fix: 'Write one "key: value" per line, for example: learning_rate: 2e-4',
    });
  }
  return values as Record<string, unknown>;
}

function readText(path: string): string {
  try {
    if (statSync(path).isDirectory()) {
      throw new UserError({
        code: 'recipe-unreadable',
        message: `The recipe ${path} is a folder.`,
        fix: 'Name a YAML file.',
      });
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (hasSystemCode(error, 'ENOENT')) {
      throw new UserError({
        code: 'recipe-not-found',
        message: `There is no recipe file ${path}.`,
        fix: 'Check the path.',
      });
    }
    const reason = error instanceof TypeError ? 'it is not UTF-8 text' : messageOf(error);
    throw new UserError({
      code: 'recipe-unreadable',
      message: `The recipe ${path} cannot be read: ${reason}.`,
      fix: 'Save it as a UTF-8 text file that you may read.',
    });
  }
}

const BUILDERS: Readonly<Record<string, string>> = {
  '.csv': 'csv',
  '.tsv': 'csv',
  '.parquet': 'parquet',
  '.txt': 'text',
};

function mixtureOf(files: readonly string[]): { path: string; data_files: string[] }[] {
  const groups = new Map<string, string[]>();
  for (const file of files) {
    const builder = BUILDERS[extname(file).toLowerCase()] ?? 'json';
    groups.set(builder, [...(groups.get(builder) ?? []), file]);
  }
  return [...groups].map(([path, data_files]) => ({ path, data_files }));
}

/** Values that TRL does not know for keys that it does; leaving the key out means the same to it. */
const OUR_WORDS: Readonly<Record<string, unknown>> = { bf16: 'auto', fp16: 'auto' };

/** Keys and values as YAML text, in the order of a written recipe, without defaults: what a person set. */
export function writeKeys(method: Method, values: Readonly<Record<string, unknown>>): string {
  const order = keysOf(method);
  const place = (key: string): number => (order.includes(key) ? order.indexOf(key) : order.length);
  const sorted = Object.entries(values).sort(([a], [b]) => place(a) - place(b));
  return sorted.length === 0 ? '' : stringify(Object.fromEntries(sorted), { version: '1.1', lineWidth: 0 });
}

/**
 * A recipe as YAML text that runs here and under `trl` with the same meaning: every value is written out, files become
 * TRL's `datasets:` list (its dataset_name takes no files), and keys of our own only stand there when used. The method
 * is not a key: it is the command that the file is given to.
 */
export function writeRecipe(recipe: Recipe): string {
  const { ownKeys, shape } = methods[recipe.method];
  const given = new Map<string, unknown>(Object.entries(recipe));
  const isDefault = (key: string): boolean => {
    const field = shape[key]?.safeParse(undefined);
    return field?.success === true && JSON.stringify(field.data) === JSON.stringify(given.get(key));
  };
  const values: Record<string, unknown> = {};
  for (const key of keysOf(recipe.method)) {
    const value = given.get(key);
    if (value === undefined || (ownKeys.includes(key) && isDefault(key))) continue;
    if (key === 'dataset_name') values.datasets = mixtureOf(recipe.dataset_name);
    else if (OUR_WORDS[key] !== undefined && OUR_WORDS[key] === value) continue;
    else if (key === 'report_to' && recipe.report_to.length === 0) values[key] = 'none';
    else values[key] = value;
    // TRL's own default trains all weights.
    if (key === 'model_name_or_path') values.use_peft = true;
  }
  return stringify(values, { version: '1.1', lineWidth: 0 });
}
