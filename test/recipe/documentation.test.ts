import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { keysOf, METHODS, methods } from '../../main/recipe/recipe.ts';

const text = readFileSync(new URL('../../docs/recipe.md', import.meta.url), 'utf8');

test.each([...new Set(METHODS.flatMap(keysOf))])('docs/recipe.md tells of %s', (key) => {
  expect(text).toContain(`\`${key}\``);
});

test('docs/recipe.md lists our own keys as such', () => {
  const section = text.slice(text.indexOf('## Keys of our own'), text.indexOf('## What differs'));
  // TRL knows test_split_size in mixtures, and older transformers knew overwrite_output_dir.
  const ours = [...new Set(METHODS.flatMap((method) => methods[method].ownKeys))].filter(
    (key) => !['test_split_size', 'overwrite_output_dir'].includes(key),
  );
  for (const key of ours) expect(section).toContain(`\`${key}\``);
});
