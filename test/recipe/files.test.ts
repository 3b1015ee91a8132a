import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseRecipe } from '../../main/recipe/parse.ts';
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
  parseRecipe('sft', { model_name_or_path: 'model', use_peft: true, ...extra }).recipe;

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
  const { recipe } = parseRecipe('sft', readRecipeFile(path));
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
  expect(parseRecipe('sft', readRecipeFile(put('back.yaml', text)))).toEqual({
    recipe,
    notes: [expect.stringMatching(/never evaluated/)],
  });
});

// transformers: a value below 1 is a share of all steps, rounded up.
test('shares of steps round up', () => {
  expect(intervalSteps(0.2, 51)).toBe(11);
  expect(intervalSteps(7, 51)).toBe(7);
  expect(warmupSteps({ warmup_steps: 0.1 }, 51)).toBe(6);
  expect(warmupSteps({ warmup_steps: 0 }, 51)).toBe(0);
  expect(evalSteps({ eval_steps: undefined, logging_steps: 10 }, 51)).toBe(10);
});
