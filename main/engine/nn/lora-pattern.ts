// Values that differ from layer to layer, as PEFT's rank_pattern and alpha_pattern give them: the first key that is the
// end of a layer's name decides. Keys are regular expressions.
import { messageOf, UserError } from '../../errors.ts';

/** Key -> value: {"layers.0.self_attn.q_proj": 8, "mlp\\..*": 4}. */
export type LoraPattern = Readonly<Record<string, number>>;

/** The value for a layer, or undefined where no key matches. Throws a UserError for a key that is no pattern. */
export function patternValue(pattern: LoraPattern, layer: string): number | undefined {
  return Object.entries(pattern).find(([key]) => matches(key, layer))?.[1];
}

/** Keys that match none of the layers. */
export function unmatchedKeys(pattern: LoraPattern, layers: Iterable<string>): string[] {
  const names = [...layers];
  return Object.keys(pattern).filter((key) => !names.some((name) => matches(key, name)));
}

function matches(key: string, layer: string): boolean {
  return expression(key).test(layer);
}

function expression(key: string): RegExp {
  // Python escapes hyphens, which JavaScript refuses; everything else it refuses has another meaning there.
  const pattern = key.replace(/\\(.)/g, (escape, letter: string) => (letter === '-' ? '\\x2d' : escape));
  try {
    return new RegExp(`^(.*\\.)?(${pattern})$`, 'u');
  } catch (error) {
    throw new UserError({
      code: 'lora-pattern-invalid',
      message: `"${key}" in rank_pattern or alpha_pattern is no pattern: ${messageOf(error)}.`,
      fix: 'Give the end of a layer name, such as "layers.0.self_attn.q_proj", or a regular expression for it.',
    });
  }
}
