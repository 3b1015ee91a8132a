// The errors about recipe keys, in one wording.
import { UserError } from '../errors.ts';

/** A value as one would write it in YAML, on one line. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value === '' ? '""' : value;
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** Two keys, or a key and a value, that exclude each other. */
export function conflict(message: string, fix: string): UserError {
  return new UserError({ code: 'recipe-conflict', message, fix });
}

/** A value outside of what its key may be; undefined: it is missing. */
export function badValue(key: string, value: unknown, allowed: string, example: string): UserError {
  const given = value === undefined ? `${key} is missing` : `${key} is ${shown(value)}`;
  return new UserError({
    code: value === undefined ? 'recipe-missing-key' : 'recipe-value',
    message: `${given}; it must be ${allowed}.`,
    fix: `Set ${key}, for example: ${key}: ${example}`,
  });
}
