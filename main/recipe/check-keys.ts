// All problems of a recipe at once, each with its key, for forms that are filled in piece by piece.
import { UserError } from '../errors.ts';
import { parseRecipe } from './parse.ts';
import { keysOf, type Method, type Recipe } from './recipe.ts';

export type KeyProblem = {
  /** Null where no single key is to blame. */
  key: string | null;
  error: UserError;
};

export type KeyCheck = { problems: KeyProblem[]; notes: string[]; /** Where there are no problems. */ recipe?: Recipe };

const standIns = { model_name_or_path: 'model', dataset_name: ['data.jsonl'] };

/** Looks at each key alone, then, where each is right, at what they say together. Opens no file. */
export function checkKeys(method: Method, values: Readonly<Record<string, unknown>>): KeyCheck {
  const alone = Object.entries(values).flatMap(([key, value]): KeyProblem[] => {
    const error = problemOf(method, { ...standIns, [key]: value });
    return error === undefined || error.code === 'recipe-conflict' ? [] : [{ key, error }];
  });
  if (alone.length > 0) return { problems: alone, notes: [] };
  try {
    const { recipe, notes } = parseRecipe<Method>(method, values);
    return { problems: [], notes, recipe };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { problems: [{ key: keyNamedIn(error.message, method, values), error }], notes: [] };
  }
}

function problemOf(method: Method, values: Record<string, unknown>): UserError | undefined {
  try {
    parseRecipe(method, values);
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

/** The first key that the message names: a given one if any. */
function keyNamedIn(message: string, method: Method, values: Readonly<Record<string, unknown>>): string | null {
  const words = message.match(/\w+/g) ?? [];
  const known = new Set(keysOf(method));
  return words.find((word) => word in values) ?? words.find((word) => known.has(word)) ?? null;
}
