import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseSftRecipe } from '../../main/recipe/parse.ts';
import { resolvePaths } from '../../main/recipe/resolve-paths.ts';
import { evalSteps, intervalSteps, warmupSteps } from '../../main/recipe/steps.ts';
import { readRecipeFile, writeRecipe } from '../../main/recipe/yaml.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorelei-recipe-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function put(name: string, content: string | Uint8Array = '{"text":"x"}\n'): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const recipeOf = (extra: Record<string, unknown>) =>
  parseSftRecipe({ model_name_or_path: 'model', use_peft: true, ...extra }).recipe;

test('a YAML file written for trl sft is read', () => {
  const path = put(
    'run.yaml',
    [
      '# comment',
      'model_name_or_path: m',
      'learning_rate: 1e-4',
      'dataset_name: a.jsonl',
      'lora_target_modules:',
      '  - q_proj',
      'eval_strategy: "no"',
    ].join('\n'),
  );
  const { recipe } = parseSftRecipe(readRecipeFile(path));
  expect(recipe).toMatchObject({ learning_rate: 0.0001, lora_target_modules: ['q_proj'], eval_strategy: 'no' });
});

test('a broken recipe file is refused with its place', () => {
  expect(() => readRecipeFile(put('bad.yaml', 'a: 1\nb: [1,\nc: 2\n'))).toThrow(/bad\.yaml:\d+:\d+ is not valid YAML/);
  expect(() => readRecipeFile(put('twice.yaml', 'seed: 1\nseed: 2\n'))).toThrow(/twice\.yaml:2:1/);
  expect(() => readRecipeFile(put('list.yaml', '- a\n'))).toThrow(/a list/);
  expect(() => readRecipeFile(put('empty.yaml', ''))).toThrow(/nothing/);
  expect(() => readRecipeFile(put('latin.yaml', new Uint8Array([0x61, 0x3a, 0x20, 0xe9])))).toThrow(/UTF-8/);
  expect(() => readRecipeFile(join(folder, 'absent.yaml'))).toThrow(/no recipe file/);
  expect(() => readRecipeFile(folder)).toThrow(/is a folder/);
});

test('a written recipe reads back the same, and bare words stay text for YAML 1.1 readers', () => {
  const recipe = recipeOf({
    dataset_name: ['/d/a.jsonl', '/d/b.csv'],
    learning_rate: 1e-7,
    test_split_size: 0.1,
    template: 'none',
  });
  const text = writeRecipe(recipe);
  expect(text).toContain('eval_strategy: "no"');
  expect(text).toContain('use_peft: true');
  expect(parse(text)).toMatchObject({
    datasets: [
      { path: 'json', data_files: ['/d/a.jsonl'] },
      { path: 'csv', data_files: ['/d/b.csv'] },
    ],
  });
  expect(text).not.toContain('overwrite_output_dir');
  expect(parseSftRecipe(readRecipeFile(put('back.yaml', text)))).toEqual({
    recipe,
    notes: [expect.stringMatching(/never evaluated/)],
  });
});

test('paths become absolute; globs and folders become files', () => {
  put('model/config.json');
  const train = put('data/train-1.jsonl');
  const second = put('data/train-2.jsonl');
  const held = put('data/test.jsonl');
  put('data/README.md');
  const byFolder = resolvePaths(recipeOf({ dataset_name: 'data', eval_strategy: 'epoch', output_dir: 'out' }), folder);
  expect(byFolder.dataset_name).toEqual([train, second]);
  expect(byFolder.eval_dataset_name).toEqual([held]);
  expect(byFolder.output_dir).toBe(join(folder, 'out'));
  expect(byFolder.model_name_or_path).toBe(join(folder, 'model'));
  const byGlob = resolvePaths(recipeOf({ dataset_name: ['data/train-*.jsonl', 'data/train-1.jsonl'] }), folder);
  expect(byGlob.dataset_name).toEqual([train, second]);
});

test('a folder without a file named after the split trains on all that are not evaluation files', () => {
  put('model/config.json');
  const file = put('data/mails.jsonl');
  put('data/valid.jsonl');
  expect(resolvePaths(recipeOf({ dataset_name: 'data' }), folder).dataset_name).toEqual([file]);
});

test('what is not there is refused by name', () => {
  put('model/config.json');
  const data = put('data.jsonl');
  mkdirSync(join(folder, 'empty'));
  const resolved = (extra: Record<string, unknown>) => () =>
    resolvePaths(recipeOf({ dataset_name: data, ...extra }), folder);
  expect(resolved({ model_name_or_path: 'meta/llama' })).toThrow(/model_name_or_path.*meta\/llama/);
  expect(resolved({ adapter_name_or_path: 'nope' })).toThrow(/adapter_name_or_path/);
  expect(resolved({ dataset_name: 'nope.jsonl' })).toThrow(/nope\.jsonl/);
  expect(resolved({ dataset_name: 'no*.jsonl' })).toThrow(/no file matches no\*\.jsonl/);
  expect(resolved({ dataset_name: 'empty' })).toThrow(/holds no data file/);
  expect(resolved({ eval_strategy: 'steps' })).toThrow(/names no rows to evaluate on/);
  expect(resolved({ eval_strategy: 'steps', test_split_size: 0.5 })).not.toThrow();
});

// transformers: a value below 1 is a share of all steps, rounded up.
test('shares of steps round up', () => {
  expect(intervalSteps(0.2, 51)).toBe(11);
  expect(intervalSteps(7, 51)).toBe(7);
  expect(warmupSteps({ warmup_steps: 0.1 }, 51)).toBe(6);
  expect(warmupSteps({ warmup_steps: 0 }, 51)).toBe(0);
  expect(evalSteps({ eval_steps: undefined, logging_steps: 10 }, 51)).toBe(10);
});
