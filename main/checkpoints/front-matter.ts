// What the README.md of a model folder says at its top, as the Hub's cards have it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { hubOrigin } from './hub-cache.ts';

/** Empty where there is no card, or none that can be read. */
export function frontMatter(folder: string): Record<string, unknown> {
  const path = join(folder, 'README.md');
  if (!existsSync(path)) return {};
  const front = /^\uFEFF?---\r?\n(.*?)\r?\n---/s.exec(readFileSync(path, 'utf8'))?.[1];
  if (front === undefined) return {};
  const document = parseDocument(front);
  const value: unknown = document.errors.length > 0 ? undefined : document.toJS();
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/**
 * A base model's licence, which holds for what was made of it, too: license and, for those that have no short name,
 * license_name and license_link. transformers' Trainer carries the first on in the same way.
 */
export function licenceFields(folder: string): Record<string, string> {
  const { license, license_name: name, license_link: link } = frontMatter(folder);
  const origin = hubOrigin(folder)?.id;
  const page =
    typeof link !== 'string'
      ? undefined
      : URL.canParse(link)
        ? link
        : origin && `https://huggingface.co/${origin}/blob/main/${link}`;
  return Object.fromEntries(
    [
      ['license', license],
      ['license_name', name],
      ['license_link', page],
    ].filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
