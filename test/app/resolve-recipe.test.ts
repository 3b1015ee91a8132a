import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { resolveRecipe } from '../../main/app/resolve-recipe.ts';
import { hubCache } from '../checkpoints/hub-cache-folder.ts';
import { writeModelStub } from '../support/model-stub.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorelei-resolve-'));
  writeModelStub(join(folder, 'model'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function put(name: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, '{"text":"x"}\n');
  return path;
}

const recipeOf = (extra: Record<string, unknown>) =>
  parseRecipe('sft', { model_name_or_path: 'model', use_peft: true, ...extra }).recipe;

test('paths become absolute; globs and folders become files', async () => {
  const train = put('data/train-1.jsonl');
  const second = put('data/train-2.jsonl');
  const held = put('data/test.jsonl');
  put('data/README.md');
  const byFolder = await resolveRecipe(
    recipeOf({ dataset_name: 'data', eval_strategy: 'epoch', output_dir: 'out' }),
    folder,
  );
  expect(byFolder.dataset_name).toEqual([train, second]);
  expect(byFolder.eval_dataset_name).toEqual([held]);
  expect(byFolder.output_dir).toBe(join(folder, 'out'));
  expect(byFolder.model_name_or_path).toBe(join(folder, 'model'));
  const byGlob = await resolveRecipe(recipeOf({ dataset_name: ['data/train-*.jsonl', 'data/train-1.jsonl'] }), folder);
  expect(byGlob.dataset_name).toEqual([train, second]);
});

test('a Hub id is looked up in the Hugging Face cache, where no folder has its name', async () => {
  const dataset_name = put('data.jsonl');
  const { repository, snapshot } = hubCache(join(folder, 'model'), 'river', 'otter');
  vi.stubEnv('HF_HUB_CACHE', dirname(repository));
  const model = async (name: string): Promise<string> =>
    (await resolveRecipe(recipeOf({ model_name_or_path: name, dataset_name }), folder)).model_name_or_path;
  expect(await model('river/otter')).toBe(snapshot);
  cpSync(join(folder, 'model'), join(folder, 'river/otter'), { recursive: true });
  expect(await model('river/otter')).toBe(join(folder, 'river/otter'));
  vi.unstubAllEnvs();
});

test('a folder without a file named after the split trains on all that are not evaluation files', async () => {
  const file = put('data/mails.jsonl');
  put('data/valid.jsonl');
  expect((await resolveRecipe(recipeOf({ dataset_name: 'data' }), folder)).dataset_name).toEqual([file]);
});

test('what is not there is refused by name', async () => {
  const data = put('data.jsonl');
  mkdirSync(join(folder, 'empty'));
  const resolved = (extra: Record<string, unknown>) =>
    resolveRecipe(recipeOf({ dataset_name: data, ...extra }), folder);
  await expect(resolved({ model_name_or_path: 'meta/llama' })).rejects.toThrow(
    /meta\/llama.* looks like a model on the Hugging Face Hub/,
  );
  await expect(resolved({ adapter_name_or_path: 'nope' })).rejects.toThrow(/adapter folder .*nope does not exist/);
  await expect(resolved({ dataset_name: 'nope.jsonl' })).rejects.toThrow(/nope\.jsonl/);
  await expect(resolved({ dataset_name: 'no*.jsonl' })).rejects.toThrow(/No file matches .*no\*\.jsonl/);
  await expect(resolved({ dataset_name: 'empty' })).rejects.toThrow(/has no data files/);
  await expect(resolved({ eval_strategy: 'steps' })).rejects.toThrow(/names no rows to evaluate on/);
  await expect(resolved({ eval_strategy: 'steps', test_split_size: 0.5 })).resolves.toBeDefined();
});
