// What the chosen data is called in a line.
import type { Draft } from '../../preload/contract.ts';

/** "train.jsonl", "a.jsonl and 2 more"; null where nothing is chosen. */
export function dataSummary({ dataset_name: given }: Draft['values']): string | null {
  const files = (Array.isArray(given) ? given : [given]).filter(
    (file): file is string => typeof file === 'string' && file !== '',
  );
  const [first, ...others] = files.map((file) => file.split(/[\\/]/).at(-1));
  if (first === undefined) return null;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
