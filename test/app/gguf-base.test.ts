// A GGUF file named as a model: what is known of it before it is converted, and that a recipe, a tokenizer and an
// estimate find in it what the converted model has.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inspectModel } from '../../main/app/inspect-model.ts';
import { resolveRecipe } from '../../main/app/resolve-recipe.ts';
import { tokenizerOfModel } from '../../main/app/tokenizer-of-model.ts';
import type { App } from '../../main/app/app.ts';
import { readyModel } from '../../main/checkpoints/gguf/ready-model.ts';
import { licenceFields } from '../../main/checkpoints/front-matter.ts';
import { modelOutline } from '../../main/checkpoints/model-outline.ts';
import { baseModelName, openModelFolder } from '../../main/checkpoints/model-folder.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import type { UserError } from '../../main/errors.ts';
import { scratchFolder } from '../checkpoints/scratch.ts';
import { goldensFolder } from '../support/goldens.ts';

const file = join(goldensFolder, 'gguf', 'llama.gguf');
const app = { hub: { cache: '' } } as App;

test('it is known from its header, licence and chat template too', () => {
  expect(inspectModel(app, file)).toMatchObject({
    reference: file,
    name: 'llama.gguf',
    modelType: 'llama',
    problem: null,
    gguf: 'Q8_0',
    dtype: 'F16',
    layers: 2,
    hiddenSize: 32,
    contextLength: 512,
    vocabSize: 344,
    hasChatTemplate: true,
    licence: 'apache-2.0',
  });
});

test('what is wrong with one is among the facts', () => {
  const path = join(scratchFolder(), 'broken.gguf');
  writeFileSync(path, 'GGUF, more or less');
  expect(inspectModel(app, path).problem?.message).toContain(path);
});

test('a recipe keeps the file, and a folder of one file means it', async () => {
  const folder = scratchFolder();
  const rows = join(folder, 'rows.jsonl');
  writeFileSync(rows, '{"text": "a"}\n');
  const models = join(folder, 'models');
  mkdirSync(models);
  copyFileSync(file, join(models, 'tiny.gguf'));
  const { recipe } = parseRecipe('sft', { model_name_or_path: 'models', dataset_name: 'rows.jsonl' });
  const resolved = await resolveRecipe(recipe, folder);
  expect(resolved.model_name_or_path).toBe(join(models, 'tiny.gguf'));
  copyFileSync(file, join(models, 'other.gguf'));
  await expect(resolveRecipe(recipe, folder)).rejects.toMatchObject({
    code: 'gguf-ambiguous',
    fix: `Give the file that is meant: ${join(models, 'other.gguf')}`,
  } satisfies Partial<UserError>);
});

test('the file and the folder that it becomes have the same tokens, weights and name', async () => {
  const made = await readyModel(file, scratchFolder());
  const [before, after] = [tokenizerOfModel(file), loadTokenizer(made)];
  // Rows that were tokenized before the conversion are found by the run.
  expect(after.fingerprint).toBe(before.fingerprint);
  expect(after.chatTemplate).toContain('<|im_start|>');
  const folder = openModelFolder(made);
  const outline = modelOutline(file);
  const bytes = (weights: ReadonlyMap<string, { byteLength: number }>): [string, number][] =>
    [...weights].map(([name, { byteLength }]): [string, number] => [name, byteLength]).sort();
  expect(bytes(outline.weights)).toEqual(bytes(folder.weights));
  expect(outline.config).toEqual(folder.config);
  // Not the folder of the cache, which may be emptied.
  expect(baseModelName(folder)).toEqual({ name: file, revision: null });
  expect(licenceFields(made)).toEqual({ license: 'apache-2.0' });
});
