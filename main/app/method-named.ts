// From the words of a window to a training method and the keys that count.
import { UserError } from '../errors.ts';
import { withPreset } from '../recipe/presets.ts';
import { isMethod, METHODS, type Method } from '../recipe/recipe.ts';
import { resourcePath } from './resources.ts';

/** Throws UserError "method-unknown". */
export function methodNamed(method: string): Method {
  if (isMethod(method)) return method;
  throw new UserError({
    code: 'method-unknown',
    message: `There is no method ${method}.`,
    fix: `Use one of ${METHODS.join(', ')}.`,
  });
}

/** A preset's keys, and over them what was set. Throws UserError "method-unknown" or "preset-unknown". */
export function valuesOverPreset(given: {
  method: string;
  preset?: string | null | undefined;
  values: Record<string, unknown>;
}): Record<string, unknown> {
  const { method, preset, values } = given;
  if (preset === null || preset === undefined) return values;
  return withPreset(resourcePath('presets'), { method: methodNamed(method), name: preset }, values);
}
