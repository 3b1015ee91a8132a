// The keys of a method as a form needs them: what each is called, what it does, what it may be. Everything but the
// words is read off the schemas.
import type { z } from 'zod';
import { KEY_GROUPS, keyWords, type KeyGroup } from './key-words.ts';
import { fieldWords, keysOf, methods, type Method } from './recipe.ts';

export type KeyDescription = {
  key: string;
  label: string;
  group: KeyGroup;
  /** One or two clauses; names of keys and values stand in backquotes. */
  does: string;
  /** Not a key of TRL. */
  ours: boolean;
  /** "structure": a list or a mapping, written as YAML. */
  kind: 'number' | 'switch' | 'choice' | 'text' | 'structure';
  /** Of a choice. */
  choices: string[];
  /** Completes "must be …". */
  allowed: string;
  /** A value that works, as YAML. */
  example: string;
  /** Null where the key is unset or required. */
  fallback: unknown;
  required: boolean;
};

/** In the order of groups, and within them of a written recipe. Throws for a key without words: that is a bug. */
export function describeKeys(method: Method): KeyDescription[] {
  const { shape, ownKeys } = methods[method];
  const described = keysOf(method).map((key): KeyDescription => {
    const field = shape[key];
    const words = keyWords(method, key);
    if (field === undefined || words === undefined) throw new Error(`${method}: no words for ${key}`);
    const { allowed, example } = fieldWords(field);
    const unset = field.safeParse(undefined);
    return {
      key,
      label: words.label,
      group: words.group,
      does: words.does.replace(/^ours(?:, PEFT's name|(?: \([^)]*\)))?: /, ''),
      ours: ownKeys.includes(key),
      ...kindOf(field, allowed),
      allowed,
      example,
      fallback: unset.success ? (unset.data ?? null) : null,
      required: !unset.success,
    };
  });
  return KEY_GROUPS.flatMap((group) => described.filter((one) => one.group === group));
}

function kindOf(field: z.ZodType, allowed: string): Pick<KeyDescription, 'kind' | 'choices'> {
  if (allowed === 'true or false') return { kind: 'switch', choices: [] };
  if (allowed === 'true, false or auto') return { kind: 'choice', choices: ['auto', 'true', 'false'] };
  // What a word means may stand behind it in parentheses.
  const choices = /^one of (.*)$/
    .exec(allowed)?.[1]
    ?.split(', ')
    .map((word) => word.replace(/ \(.*\)$/, ''));
  if (choices !== undefined) return { kind: 'choice', choices };
  if (field.safeParse(1).success || field.safeParse(0.5).success) return { kind: 'number', choices: [] };
  return { kind: allowed.startsWith('text that') ? 'text' : 'structure', choices: [] };
}
