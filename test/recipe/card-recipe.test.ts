import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { cardRecipe } from '../../main/recipe/card-recipe.ts';
import { cardTags } from '../../main/recipe/card-tags.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';

const given = {
  model_name_or_path: '/home/ada/models/llama',
  dataset_name: ['/home/ada/secret/mails.jsonl'],
  eval_dataset_name: '/home/ada/secret/held.jsonl',
  adapter_name_or_path: '/home/ada/adapters/first',
  output_dir: '/home/ada/out',
  sample_prompts: ['What did Ada write to Charles?'],
  use_peft: true,
  learning_rate: 1e-4,
};

test('a recipe is shown without the folders of this machine and without prompts, and can be run again', () => {
  const text = cardRecipe(parseRecipe('sft', given).recipe, '/home/ada/models/llama');
  expect(text).not.toMatch(/home|secret|Charles|^output_dir/m);
  const values = parse(text) as Record<string, unknown>;
  expect(values).toMatchObject({ model_name_or_path: 'llama', adapter_name_or_path: 'first', learning_rate: 1e-4 });
  expect(parseRecipe('sft', values).recipe.dataset_name).toEqual(['mails.jsonl']);
  expect(cardRecipe(parseRecipe('sft', given).recipe, 'meta-llama/Llama-3.2-1B')).toContain(
    'model_name_or_path: meta-llama/Llama-3.2-1B\n',
  );
});

test('the method and the losses of preferences are tags', () => {
  expect(cardTags(parseRecipe('sft', given).recipe)).toEqual(['sft']);
  expect(cardTags(parseRecipe('dpo', { ...given, loss_type: ['ipo', 'sft'] }).recipe)).toEqual(['dpo', 'ipo', 'sft']);
});
