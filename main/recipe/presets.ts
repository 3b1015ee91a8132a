// Presets: recipe files without model and data, named <method>-<name>.yaml, whose first line is a comment that says
// what they are for. Where they lie is the caller's business.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { closest } from 'fastest-levenshtein';
import { UserError } from '../errors.ts';
import { METHODS, type Method } from './recipe.ts';
import { readRecipeFile } from './yaml.ts';

export type Preset = {
  name: string;
  method: Method;
  /** One sentence. */
  purpose: string;
  path: string;
};

/** The presets of a folder, by method and name. */
export function listPresets(folder: string): Preset[] {
  const files = readdirSync(folder).sort();
  return METHODS.flatMap((method) =>
    files
      .filter((file) => file.startsWith(`${method}-`) && file.endsWith('.yaml'))
      .map((file) => {
        const path = join(folder, file);
        const [firstLine = ''] = readFileSync(path, 'utf8').split('\n', 1);
        const name = file.slice(method.length + 1, -'.yaml'.length);
        return { name, method, purpose: firstLine.replace(/^#\s*/, ''), path };
      }),
  );
}

/** Keys that say the same thing in other words: a given one replaces a preset's other. */
const RIVALS: readonly (readonly string[])[] = [
  ['dataset_name', 'datasets'],
  ['eval_dataset_name', 'test_split_size'],
  ['max_steps', 'num_train_epochs'],
  ['warmup_steps', 'warmup_ratio'],
  ['train_sampling_strategy', 'group_by_length'],
  ['gradient_checkpointing', 'activation_checkpointing'],
  ['device', 'use_cpu', 'no_cuda'],
  ['bf16', 'fp16'],
];

/** The keys of a preset under those that were given, which win. Throws UserError "preset-unknown". */
export function withPreset(
  folder: string,
  { method, name }: Pick<Preset, 'method' | 'name'>,
  given: Record<string, unknown>,
): Record<string, unknown> {
  const presets = listPresets(folder);
  const preset = presets.find((one) => one.method === method && one.name === name);
  if (preset === undefined) throw unknownPreset(presets, method, name);
  const isReplaced = (key: string): boolean =>
    RIVALS.some((group) => group.includes(key) && group.some((rival) => rival in given));
  const kept = Object.entries(readRecipeFile(preset.path)).filter(([key]) => !isReplaced(key));
  return { ...Object.fromEntries(kept), ...given };
}

function unknownPreset(presets: readonly Preset[], method: Method, name: string): UserError {
  const elsewhere = presets.find((one) => one.name === name);
  const names = presets.filter((one) => one.method === method).map((one) => one.name);
  const begun = names.find((one) => one.startsWith(name));
  const near = names.length > 0 ? ` Did you mean ${begun ?? closest(name, names)}?` : '';
  return new UserError({
    code: 'preset-unknown',
    message:
      elsewhere === undefined
        ? `There is no preset ${name} for ${method}.${near}`
        : `The preset ${name} is for ${elsewhere.method}, not for ${method}.`,
    fix: names.length > 0 ? `Use one of ${names.join(', ')}.` : `Go on without one: there is none for ${method}.`,
    commandLine:
      names.length > 0
        ? `Use one of ${names.join(', ')}; lorelei presets says what they are for.`
        : `Remove --preset; there is none for ${method}. lorelei presets lists those of other methods.`,
  });
}
