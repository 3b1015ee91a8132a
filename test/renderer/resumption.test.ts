// What the dialog says about going on from a checkpoint: the host decides by the same rule (test/app/branch-run.test.ts).
import { expect, test } from 'vitest';
import { lengthOf, resumption } from '../../renderer/run/resumption.ts';

const run = {
  id: 'quiet-heron',
  name: null,
  status: 'stopped' as const,
  step: 25,
  recipe: { max_steps: -1, num_train_epochs: 3, learning_rate: 1e-4 },
  checkpoints: [10, 20].map((step) => ({ step, path: `checkpoint-${step}`, createdAt: 0 })),
};
const unchanged = { length: 3, rate: 1e-4 };

test('the run itself goes on from its last checkpoint, and trains again what was not saved', () => {
  expect(resumption(run, 20, unchanged)).toEqual({
    values: {},
    goesOnItself: true,
    text: 'quiet-heron itself goes on. Steps 21 to 25 came after the last checkpoint and are trained again.',
  });
});

test('an earlier checkpoint, a change or an ended run means a new one', () => {
  expect(resumption(run, 10, unchanged)).toMatchObject({ values: {}, goesOnItself: false });
  expect(resumption(run, 20, { length: 5, rate: 1e-4 })).toMatchObject({
    values: { num_train_epochs: 5 },
    goesOnItself: false,
  });
  const ended = { ...run, status: 'completed' as const, step: 20 };
  expect(resumption(ended, 10, unchanged).text).toMatch(/quiet-heron stays as it is.* ends as that did\.$/);
  expect(resumption(ended, 10, { length: null, rate: 2e-4 }).values).toEqual({ learning_rate: 2e-4 });
});

test('a length in steps goes before one in epochs', () => {
  expect(lengthOf({ max_steps: 40, num_train_epochs: 3 })).toMatchObject({ key: 'max_steps', value: 40 });
});
