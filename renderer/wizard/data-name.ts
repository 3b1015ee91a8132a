// What the chosen data is called in a line.
import type { Draft } from '../../preload/contract.ts';
import { asFiles, fileName } from './data/file-names.ts';

/** "train.jsonl", "a.jsonl and 2 more"; null where nothing is chosen. */
export function dataSummary({ dataset_name: given }: Draft['values']): string | null {
  const [first, ...others] = asFiles(given).map(fileName);
  if (first === undefined) return null;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
