// Recipes as YAML files, as `trl sft --config` reads them.
import { readFileSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { LineCounter, parseDocument, stringify } from 'yaml';
import { hasSystemCode, messageOf, UserError } from '../errors.ts';
import { OWN_KEYS, sftRecipe, type SftKey, type SftRecipe } from './sft-recipe.ts';

/**
 * The keys and values of a recipe file, unchecked: give them to parseSftRecipe. Throws UserError "recipe-not-found",
 * "recipe-unreadable" or "recipe-not-yaml" (with file and line).
 */
export function readRecipeFile(path: string): Record<string, unknown> {
  const lines = new LineCounter();
  const document = parseDocument(readText(path), { lineCounter: lines, prettyErrors: false });
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
        fix: 'Give --config a YAML file.',
      });
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (hasSystemCode(error, 'ENOENT')) {
      throw new UserError({
        code: 'recipe-not-found',
        message: `There is no recipe file ${path}.`,
        fix: 'Check the path given to --config.',
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

/**
 * A recipe as YAML text that runs here and under `trl sft` with the same meaning: every value is written out, files
 * become TRL's `datasets:` list (its dataset_name takes no files), and keys of our own only stand there when used.
 */
export function writeRecipe(recipe: SftRecipe): string {
  const isDefault = (key: SftKey): boolean => {
    const field = sftRecipe.shape[key].safeParse(undefined);
    return field.success && JSON.stringify(field.data) === JSON.stringify(recipe[key]);
  };
  const values: Record<string, unknown> = {};
  for (const key of Object.keys(sftRecipe.shape) as SftKey[]) {
    if (recipe[key] === undefined || (OWN_KEYS.includes(key) && isDefault(key))) continue;
    if (key === 'dataset_name') values.datasets = mixtureOf(recipe.dataset_name);
    else values[key] = recipe[key];
    // TRL's own defaults differ: it trains all weights, in bfloat16.
    if (key === 'model_name_or_path') Object.assign(values, { use_peft: true, bf16: false });
  }
  return stringify(values, { version: '1.1', lineWidth: 0 });
}
