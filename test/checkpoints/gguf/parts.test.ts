// Models in several GGUF files: the parts that gguf-py makes (test/goldens/gguf/qwen2-yarn-*), and what is said where one
// is missing or belongs elsewhere.
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modelName, modelsAmong, partsOf, quantisationOf } from '../../../main/checkpoints/gguf/file-names.ts';
import { openGguf } from '../../../main/checkpoints/gguf/model.ts';
import { ggufAt, placeOfConverted } from '../../../main/checkpoints/gguf/ready-model.ts';
import { UserError } from '../../../main/errors.ts';
import { goldensFolder } from '../../support/goldens.ts';
import { scratchFolder } from '../scratch.ts';

const names = [1, 2, 3].map((part) => `qwen2-yarn-0000${part}-of-00003.gguf`);

function parts(): string[] {
  const folder = scratchFolder();
  return names.map((name) => {
    copyFileSync(join(goldensFolder, 'gguf', name), join(folder, name));
    return join(folder, name);
  });
}

function refusalOf(path: string): string {
  try {
    openGguf(path);
  } catch (error) {
    if (error instanceof UserError) return `${error.code}: ${error.message} ${error.fix}`;
    throw error;
  }
  return 'opened';
}

test('any part, and the folder, mean the model', () => {
  const files = parts();
  const [first = '', second = '', third = ''] = files;
  expect(ggufAt(first)).toBe(first);
  expect(ggufAt(third)).toBe(first);
  expect(ggufAt(join(first, '..'))).toBe(first);
  expect(openGguf(first).tensors).toHaveLength(27);
  // The cache knows another model by any of its parts.
  const before = placeOfConverted(first, '/cache');
  expect(before).toMatch(/^\/cache\/gguf\/qwen2-yarn-[0-9a-f]{12}$/);
  const bytes = readFileSync(second);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(second, bytes);
  expect(placeOfConverted(first, '/cache')).not.toBe(before);
});

test('a part that is missing or of another model is told by its name', () => {
  const [first = '', second = '', third = ''] = parts();
  renameSync(second, `${second}.away`);
  expect(refusalOf(first)).toMatch(
    /^gguf-part-missing: .*qwen2-yarn-00001-of-00003.gguf is one of 3 parts.*qwen2-yarn-00002-of-00003.gguf is not beside it.*Download all 3 parts/,
  );
  copyFileSync(third, second);
  expect(refusalOf(first)).toMatch(
    /00002-of-00003.gguf is not a valid GGUF file: .* it is part 2 of 3, from 0, and not 1/,
  );
  rmSync(second);
  copyFileSync(join(goldensFolder, 'gguf', 'qwen2.gguf'), second);
  expect(refusalOf(first)).toMatch(/it is part undefined of undefined/);
});

test('names tell the models and their quantisation', () => {
  const files = [
    'BF16/Otter-70B-BF16-00002-of-00002.gguf',
    'BF16/Otter-70B-BF16-00001-of-00002.gguf',
    'Otter-70B-Q4_K_M.gguf',
    'mmproj-Otter-70B-f16.gguf',
    'Otter-70B-imatrix.gguf',
    'README.md',
  ];
  expect(modelsAmong(files)).toEqual([
    ['BF16/Otter-70B-BF16-00001-of-00002.gguf', 'BF16/Otter-70B-BF16-00002-of-00002.gguf'],
    ['Otter-70B-Q4_K_M.gguf'],
  ]);
  expect(partsOf('a/b-00002-of-00002.gguf')).toEqual(['a/b-00001-of-00002.gguf', 'a/b-00002-of-00002.gguf']);
  expect(partsOf('b-00001-of-99999.gguf')).toEqual(['b-00001-of-99999.gguf']);
  expect(modelName('/x/Otter-Q8_0-00001-of-00002.gguf')).toBe('Otter-Q8_0');
  for (const [name, quantisation] of [
    ['Otter-70B-Q4_K_M.gguf', 'Q4_K_M'],
    ['BF16/Otter-70B-BF16-00001-of-00002.gguf', 'BF16'],
    ['otter-1b-it.q8_0.gguf', 'Q8_0'],
    ['Otter-1B-UD-Q4_K_XL.gguf', 'Q4_K_XL'],
    ['Otter-1B-IQ4_XS.gguf', 'IQ4_XS'],
    ['otter-fp16.gguf', 'F16'],
    ['gpt-otter-MXFP4.gguf', 'MXFP4'],
    ['Otter-Q8.gguf', 'Q8'],
    ['otter.gguf', undefined],
  ] as const)
    expect([name, quantisationOf(name)]).toEqual([name, quantisation]);
});
