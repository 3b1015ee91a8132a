// docs/recipe.md against the schemas: every key stands in the table of its method with its default, and nothing else does.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { describeKeys } from '../../main/recipe/describe-keys.ts';
import { keyWords } from '../../main/recipe/key-words.ts';
import { listPresets } from '../../main/recipe/presets.ts';
import { fieldWords, keysOf, METHODS, methods, type Method } from '../../main/recipe/recipe.ts';
import { TRANSLATED_KEYS } from '../../main/recipe/translate.ts';

const text = readFileSync(new URL('../../docs/recipe.md', import.meta.url), 'utf8');

type Row = { fallback: string; words: string };

/** Key -> what the tables of a section say of it. */
function rows(heading: string): Map<string, Row> {
  const start = text.indexOf(`\n## ${heading}\n`);
  if (start < 0) throw new Error(`no section ${heading}`);
  const end = text.indexOf('\n## ', start + 1);
  const found = text.slice(start, end < 0 ? undefined : end).matchAll(/^\| `(\w+)` +\| (.*?) +\| (.*?) +\|$/gm);
  return new Map([...found].map(([, key = '', fallback = '', words = '']) => [key, { fallback, words }]));
}

const shared = rows('Keys of every method');
const rowsOf = (method: Method): Map<string, Row> => new Map([...shared, ...rows(`Keys of ${method}`)]);
const ofEveryMethod = keysOf('sft').filter((key) => METHODS.every((method) => keysOf(method).includes(key)));

/** A documented default as its value: undefined where the key is unset or required. */
function valueOf(fallback: string): unknown {
  if (fallback === 'unset' || fallback === 'required') return undefined;
  // TRL's word for an empty list of trackers.
  if (fallback === '`none`') return [];
  return /^`-?[\d.e-]+`$/.test(fallback)
    ? Number(fallback.slice(1, -1))
    : parse(fallback.slice(1, -1), { version: '1.2' });
}

test.each(METHODS)('the tables hold the keys of %s, each with its default', (method) => {
  const documented = rowsOf(method);
  expect([...documented.keys()].sort()).toEqual(keysOf(method).sort());
  for (const [key, { fallback }] of documented) {
    const field = methods[method].shape[key];
    const parsed = field?.safeParse(undefined);
    expect(fallback === 'required', key).toBe(parsed?.success === false);
    expect(valueOf(fallback), key).toEqual(parsed?.data);
  }
});

test('what every method has stands in the shared tables', () => {
  // loss_type and learning_rate are said of each method anew.
  expect([...shared.keys()].sort()).toEqual(ofEveryMethod.filter((key) => key !== 'loss_type').sort());
});

/** Whether a row says that its key is ours: everywhere, or only "in `dpo`, `orpo`". */
function isOurs({ words }: Row, method: Method): boolean {
  const [said, only] = /\bours\b(?: in ((?:`\w+`(?:, )?)+))?/i.exec(words) ?? [];
  return said !== undefined && (only === undefined || only.includes(`\`${method}\``));
}

test.each(METHODS)('the keys of %s that TRL does not have are marked as ours', (method) => {
  const marked = [...rowsOf(method)].filter(([, row]) => isOurs(row, method)).map(([key]) => key);
  expect(marked.sort()).toEqual([...methods[method].ownKeys].sort());
});

test.each(METHODS)('every word that a key of %s may be is there', (method) => {
  for (const [key, { words }] of rowsOf(method)) {
    const field = methods[method].shape[key];
    if (field === undefined) throw new Error(`no field ${key}`);
    const [, choices] = /^one (?:of|or a list of) (.*)$/.exec(fieldWords(field).allowed) ?? [];
    if (key === 'device' || choices === undefined) continue;
    for (const word of choices.split(', ')) expect(words, key).toContain(`\`${word}\``);
  }
});

test.each(METHODS)('a form says of the keys of %s what the tables say', (method) => {
  const documented = rowsOf(method);
  for (const key of keysOf(method)) expect(keyWords(method, key)?.does, key).toBe(documented.get(key)?.words);
  // Every key can be shown: it has a label, a group and a kind of control.
  expect(
    describeKeys(method)
      .map(({ key }) => key)
      .sort(),
  ).toEqual(keysOf(method).sort());
});

test('other names and metrics are told', () => {
  const toldElsewhere = ['datasets', 'use_peft', 'dtype'];
  for (const key of TRANSLATED_KEYS) expect(text, key).toContain(toldElsewhere.includes(key) ? key : `\`${key}\``);
  for (const method of METHODS) {
    const list = methods[method].evalMetrics.map((name) => `\`${name}\``).join(', ');
    expect(text).toContain(`Metrics of an evaluation: ${list}.`);
  }
});

test('every preset is listed', () => {
  const presets = listPresets(fileURLToPath(new URL('../../resources/presets', import.meta.url)));
  const listed = [...text.matchAll(/^\| `(\w+) --preset ([\w-]+)`/gm)].map(([, method, name]) => `${method} ${name}`);
  expect(listed.sort()).toEqual(presets.map(({ method, name }) => `${method} ${name}`).sort());
});
