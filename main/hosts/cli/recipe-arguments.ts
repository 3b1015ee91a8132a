// Recipe keys on the command line, as trl takes them: --key value, --key=value, --flag, --list one two.
import { parse } from 'yaml';
import { UserError } from '../../errors.ts';

/** Lists and mappings may be written as YAML: --columns '{text: body}'. Everything else stays text. */
function valueOf(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return parse(text) as unknown;
  } catch {
    return text; // The recipe says what is wrong with it, and names the key.
  }
}

/**
 * Keys and values. A key without a value is true, and false where it is written --no_key, as transformers reads it; one
 * with several is a list. Throws UserError "argument-unexpected".
 */
export function recipeArguments(words: readonly string[]): Record<string, unknown> {
  const values = new Map<string, unknown[]>();
  let key: string | undefined;
  for (const word of words) {
    if (word.startsWith('--')) {
      const [name = '', ...rest] = word.slice(2).split('=');
      key = name.replaceAll('-', '_');
      values.set(key, rest.length > 0 ? [valueOf(rest.join('='))] : []);
    } else if (key === undefined) {
      throw new UserError({
        code: 'argument-unexpected',
        message: `The argument ${word} belongs to no option.`,
        fix: 'Give recipe keys as --key value, and a recipe file as --config run.yaml.',
      });
    } else {
      values.get(key)?.push(valueOf(word));
    }
  }
  return Object.fromEntries(
    [...values].map(([name, given]) => {
      if (given.length > 0) return [name, given.length === 1 ? given[0] : given];
      const switchedOff = name.startsWith('no_') && name !== 'no_cuda';
      return switchedOff ? [name.slice('no_'.length), false] : [name, true];
    }),
  );
}
