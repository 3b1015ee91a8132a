// The data step without a model: what files are taken for, and what a person makes of their columns by hand. The files
// lie on the disk, and the program reads them.
import { beforeEach, expect, test } from 'vitest';
import { commands, page } from 'vitest/browser';
import { draft } from '../../renderer/wizard/draft.svelte.ts';
import DataStep from '../../renderer/wizard/data/DataStep.svelte';
import { answerFor } from '../support/component-page.ts';
import { show } from '../support/mount-component.ts';

beforeEach(() => answerFor('draft.save', () => ({})));

/** Opens the step on rows that are written to a file. */
async function open(name: string, rows: readonly object[], { method = 'sft', columns = {} } = {}): Promise<void> {
  const file = await commands.fileInHost(name, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const mapped = Object.keys(columns).length > 0 && { columns };
  draft.replace({ method, preset: null, values: { dataset_name: file, ...mapped } });
  show(DataStep, {});
}

const turns = [
  { role: 'user', content: 'Who are you?' },
  { role: 'assistant', content: 'An otter.' },
];
const questions = [1, 2, 3].map((i) => ({
  Frage: `What is the ${String(i)}th wonder?`,
  Antwort: 'It is old.',
  Nr: i,
}));

test.each([
  ['turns', 'sft', { messages: turns }, 'Conversations with user and assistant turns'],
  ['completion', 'sft', { prompt: 'One, two,', completion: ' three.' }, 'Prompts, each with its completion'],
  ['answer', 'sft', { instruction: 'Count.', output: 'One.' }, 'Questions, each with its answer'],
  ['text', 'sft', { text: 'Once upon a time.' }, 'Plain text'],
  [
    'pairs',
    'dpo',
    { prompt: 'Count.', chosen: 'One.', rejected: 'No.' },
    'Prompts, each with a better and a worse answer',
  ],
])('rows of %s are known by their columns', async (name, method, row, words) => {
  await open(`known-${name}.jsonl`, [row, row], { method });
  await expect.element(page.getByRole('heading', { name: words })).toBeVisible();
});

const mapping = page.getByRole('button', { name: 'Use this mapping' });
const rows = (): string[] =>
  [...document.querySelectorAll('.mapper tbody th')].map((cell) => cell.textContent.trim().replaceAll(/\s+/g, ' '));

test('columns with names of their own are mapped by hand, and back', async () => {
  await open('questions.jsonl', questions);
  await expect
    .element(page.getByText('The names of the columns do not say what a row of questions.jsonl is.'))
    .toBeVisible();
  await page.getByRole('status').getByRole('button', { name: 'Map the columns' }).click();
  // What is in each column is shown beside it.
  await expect.poll(rows).toEqual(['Frage text', 'Antwort text', 'Nr a number']);
  await expect.element(page.getByRole('row', { name: /^Frage/ })).toMatchTextContent(/What is the 2th wonder\?/);
  await expect.element(mapping).toBeDisabled();
  expect(mapping.element().getAttribute('title')).toBe('Still missing: Question, Answer');
  await page.getByLabelText('Question', { exact: true }).selectOptions('Frage');
  expect(mapping.element().getAttribute('title')).toBe('Still missing: Answer');
  await page.getByLabelText('Answer', { exact: true }).selectOptions('Antwort');
  await expect.poll(rows).toEqual(['Frage Question', 'Antwort Answer', 'Nr a number']);
  await mapping.click();
  expect(draft.values['columns']).toEqual({ instruction: 'Frage', output: 'Antwort' });
  await expect.element(page.getByRole('heading', { name: 'Questions, each with its answer' })).toBeVisible();
  await expect.element(page.getByText('mapped by hand')).toBeVisible();

  // Opened again it begins with what was said, and can forget it.
  await page.getByRole('button', { name: 'Map the columns' }).click();
  await expect.element(page.getByLabelText('Answer', { exact: true })).toHaveValue('Antwort');
  await page.getByRole('button', { name: 'Detect by itself' }).click();
  expect(draft.values).not.toHaveProperty('columns');
  await expect.element(page.getByText(/^The names of the columns do not say/)).toBeVisible();
});

test('what a row is can be another thing, which needs other columns', async () => {
  await open('stories.jsonl', questions);
  await expect
    .element(page.getByText('The names of the columns do not say what a row of stories.jsonl is.'))
    .toBeVisible();
  await page.getByRole('status').getByRole('button', { name: 'Map the columns' }).click();
  await page.getByLabelText('What a row is').selectOptions('Plain text');
  expect(page.getByLabelText('Answer', { exact: true }).query()).toBeNull();
  await page.getByLabelText('Text', { exact: true }).selectOptions('Antwort');
  await mapping.click();
  expect(draft.values['columns']).toEqual({ text: 'Antwort' });
  await expect.element(page.getByRole('heading', { name: 'Plain text' })).toBeVisible();
});

test('single answers are no pairs: the mapper or the other method help', async () => {
  await open('single.jsonl', [{ prompt: 'Count.', completion: 'One.' }], { method: 'dpo' });
  await expect.element(page.getByText(/^The rows of single.jsonl hold single answers/)).toBeVisible();
  await page.getByRole('button', { name: 'Train on single answers (SFT)' }).click();
  await expect.poll(() => draft.method).toBe('sft');
  await expect.element(page.getByRole('heading', { name: 'Prompts, each with its completion' })).toBeVisible();
});

test('a mapping to a column that is gone is told, and mended in the mapper', async () => {
  await open('gone.jsonl', questions, { columns: { instruction: 'Frage', output: 'Response' } });
  await expect
    .element(page.getByRole('alert'))
    .toMatchTextContent(/maps output to "Response", but .* has Frage, Antwort, Nr/);
  await page.getByRole('button', { name: 'Map the columns' }).first().click();
  await page.getByLabelText('Answer', { exact: true }).selectOptions('Antwort');
  await mapping.click();
  expect(draft.values['columns']).toEqual({ instruction: 'Frage', output: 'Antwort' });
  await expect.element(page.getByRole('heading', { name: 'Questions, each with its answer' })).toBeVisible();
});
