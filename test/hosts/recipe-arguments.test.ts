import { expect, test } from 'vitest';
import { recipeArguments } from '../../main/hosts/cli/recipe-arguments.ts';

test('keys come as trl takes them', () => {
  const words =
    '--learning_rate 1e-4 --lora-r=8 --packing --no_remove_unused_columns --no_cuda --loss_type sigmoid sft'.split(' ');
  expect(recipeArguments([...words, '--lr_scheduler_kwargs', '{"min_lr_rate": 0.1}'])).toEqual({
    learning_rate: '1e-4',
    lora_r: '8',
    packing: true,
    remove_unused_columns: false,
    no_cuda: true,
    loss_type: ['sigmoid', 'sft'],
    lr_scheduler_kwargs: { min_lr_rate: 0.1 },
  });
});
