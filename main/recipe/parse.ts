// From loose keys and values (a YAML file, a command line, a form) to a checked recipe. Unknown keys, impossible
// values and keys whose effect would be missed become UserErrors that name the key, the value and the way out.
import { closest, distance } from 'fastest-levenshtein';
import { UserError } from '../errors.ts';
import { NOTED_KEYS, REFUSED_KEYS, RENAMED_KEYS, type RefusedKey } from './other-keys.ts';
import { badValue, shown } from './problems.ts';
import { fieldWords, keysOf, METHODS, methods, type Method, type RecipeOf } from './recipe.ts';
import { isOff, translate, TRANSLATED_KEYS } from './translate.ts';

const notedBy = (method: Method): Readonly<Record<string, string>> => ({ ...NOTED_KEYS, ...methods[method].noted });
const refusedBy = (method: Method): Readonly<Record<string, RefusedKey>> => ({
  ...REFUSED_KEYS,
  ...methods[method].refused,
});

function knownKeys(method: Method): string[] {
  return [...keysOf(method), ...TRANSLATED_KEYS, ...Object.keys(notedBy(method)), ...Object.keys(refusedBy(method))];
}

function unknownKey(method: Method, key: string): UserError {
  const problem = (message: string, fix: string, more: { commandLine?: string } = {}): UserError =>
    new UserError({ code: 'recipe-unknown-key', message, fix, ...more });
  if (key === 'method') {
    return problem('The recipe key method is not known; the method is chosen beside the recipe.', 'Remove it.', {
      commandLine: `Remove it and use: lorelei ${METHODS.join(' or lorelei ')}`,
    });
  }
  const renamed = RENAMED_KEYS[key];
  if (renamed !== undefined) {
    return problem(
      `The recipe key ${key} is not known; it is called ${renamed} now.`,
      `Write ${renamed} instead of ${key}.`,
    );
  }
  const removed = methods[method].removed[key];
  if (removed !== undefined) return problem(`The recipe key ${key} ${removed}.`, `Remove ${key}.`);
  const other = METHODS.find((one) => one !== method && ownTo(one, key));
  if (other !== undefined) {
    return problem(
      `The recipe key ${key} belongs to ${other.toUpperCase()} and means nothing to ${method}.`,
      `Remove ${key}, or train with ${other.toUpperCase()}.`,
      { commandLine: `Remove ${key}, or run the recipe with lorelei ${other}.` },
    );
  }
  // A key that takes effect is the better guess where both are about as near.
  const [used, known] = [closest(key, keysOf(method)), closest(key, knownKeys(method))];
  const nearest = distance(key, used) <= distance(key, known) + 1 ? used : known;
  const near = distance(key, nearest) <= Math.max(3, Math.floor(key.length / 2));
  return problem(
    `The recipe key ${key} is not known.${near ? ` Did you mean ${nearest}?` : ''}`,
    near
      ? `Write ${nearest} instead, or remove ${key}.`
      : `Remove ${key}; keys are those of ${methods[method].trlName}.`,
  );
}

/** Whether a key is one of this method's own, in any way. */
function ownTo(method: Method, key: string): boolean {
  const { noted, refused, removed } = methods[method];
  return keysOf(method).includes(key) || [noted, refused, removed].some((table) => Object.hasOwn(table, key));
}

/** The method that these keys are for: the first of those that know the most keys which sft does not, else sft. */
export function likelyMethod(values: Record<string, unknown>): Method {
  const known = (method: Method): number =>
    Object.keys(values).filter((key) => ownTo(method, key) && !ownTo('sft', key)).length;
  return METHODS.reduce<Method>((best, method) => (known(method) > known(best) ? method : best), 'sft');
}

/** Values that switch a feature off, which needs no note. */
function asksForNothing(value: unknown): boolean {
  return isOff(value) || value === 'none' || value === '' || (Array.isArray(value) && value.length === 0);
}

function isNeutral(value: unknown, neutral: readonly unknown[]): boolean {
  if (neutral.some((one) => JSON.stringify(one) === JSON.stringify(value))) return true;
  if (typeof value !== 'string') return false;
  return (isOff(value) && neutral.includes(false)) || (value.trim() !== '' && neutral.includes(Number(value)));
}

/** Takes away the keys that take no effect here, with a note or an error each. */
function leaveOut(method: Method, values: Map<string, unknown>, note: (sentence: string) => void): void {
  const [noted, refused] = [notedBy(method), refusedBy(method)];
  const used = new Set(keysOf(method));
  for (const [key, value] of values) {
    if (used.has(key)) continue;
    values.delete(key);
    const refusal = refused[key];
    if (refusal === undefined) {
      if (!asksForNothing(value)) note(`${key}: ${noted[key] ?? ''}`);
    } else if (!isNeutral(value, refusal.neutral)) {
      throw new UserError({
        code: 'recipe-refused',
        message: `${key}: ${shown(value)} ${refusal.reason}.`,
        fix: refusal.fix,
        commandLine: refusal.commandLine,
      });
    }
  }
}

const MISSING: Readonly<Record<string, { message?: string; fix: string }>> = {
  model_name_or_path: {
    fix: 'Set model_name_or_path to a folder with config.json, *.safetensors and tokenizer.json.',
  },
  dataset_name: {
    message: 'The recipe names no data: dataset_name is missing.',
    fix: 'Set dataset_name to a file, a glob, a folder or a list of them.',
  },
};

function wrongValue(method: Method, key: string, value: unknown): UserError {
  const field = methods[method].shape[key];
  if (field === undefined) throw new Error(`no field ${key} in ${method}`);
  const { allowed, example } = fieldWords(field);
  const problem = badValue(key, value, allowed, example);
  return value === undefined ? new UserError({ ...problem.toDetails(), ...MISSING[key] }) : problem;
}

/**
 * Checks the keys of a run and fills in the defaults.
 *
 * `notes` are sentences for the run's events: keys that were accepted without taking effect, and the like. Throws
 * UserError with code "recipe-unknown-key", "recipe-missing-key", "recipe-value", "recipe-refused" or
 * "recipe-conflict".
 */
export function parseRecipe<M extends Method>(
  method: M,
  input: Record<string, unknown>,
): { recipe: RecipeOf<M>; notes: string[] } {
  const notes: string[] = [];
  const note = (sentence: string): void => void notes.push(sentence);
  // Null (in Python's words None) means "not set", except for max_length, where it means "no limit".
  const isNull = (value: unknown): boolean =>
    value === null || value === undefined || value === 'None' || value === 'null';
  const values = new Map(
    Object.entries(input)
      .map(([key, value]): [string, unknown] => [key, isNull(value) ? null : value])
      .filter(([key, value]) => value !== null || key === 'max_length'),
  );
  const known = new Set(knownKeys(method));
  for (const key of Object.keys(input)) if (!known.has(key)) throw unknownKey(method, key);

  const { schema, check, translate: translateOwn } = methods[method];
  translate(values, note);
  translateOwn(values, note);
  leaveOut(method, values, note);
  const parsed = schema.safeParse({ method, ...Object.fromEntries(values) });
  if (!parsed.success) {
    const key = String(parsed.error.issues[0]?.path[0]);
    throw wrongValue(method, key, values.get(key));
  }
  const isSet = (key: string): boolean => {
    const field = methods[method].shape[key];
    const [given, otherwise] = [field?.safeParse(values.get(key)), field?.safeParse(undefined)];
    return values.has(key) && JSON.stringify(given?.data) !== JSON.stringify(otherwise?.data);
  };
  check(parsed.data, { note, isSet });
  return { recipe: parsed.data, notes };
}

/** A recipe that parseRecipe gave and the history kept. Throws UserError "run-recipe-outdated". */
export function restoreRecipe<M extends Method>(method: M, stored: Record<string, unknown>): RecipeOf<M> {
  // The first version stored neither: it only knew sft, and computed in float32.
  const parsed = methods[method].schema.safeParse({ bf16: false, fp16: false, ...stored, method });
  if (parsed.success) return parsed.data;
  const key = String(parsed.error.issues[0]?.path[0]);
  throw new UserError({
    code: 'run-recipe-outdated',
    message: `This run was started by another version of Lorelei: its recipe holds ${key}: ${shown(stored[key] ?? null)}, which this version does not know.`,
    fix: 'Continue it with the version that started it, or start a new run.',
  });
}
