// One row as the model reads it: which tokens are coloured as learned, what is special, what is cut off, and how one
// goes through tokens and rows. The rows are made up here.
import { beforeEach, expect, test } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import type { ShownRow, TokenizedData } from '../../preload/contract.ts';
import { rowView } from '../../renderer/wizard/data/row-view.svelte.ts';
import TokenPreview from '../../renderer/wizard/data/TokenPreview.svelte';
import { answerFor, asked } from '../support/component-page.ts';
import { show } from '../support/mount-component.ts';

type Token = ShownRow['parts'][number]['tokens'][number];
const token = (text: string, trained: boolean, special = false): Token => ({ id: text.length, text, trained, special });

const question = [token('<s>', false, true), token('Who', false), token(' are', false), token(' you?\n', false)];
const answer = [token('An', true), token('  otter', true), token('</s>', true, true)];

function row(index: number, parts: ShownRow['parts'], rest: Partial<ShownRow> = {}): ShownRow {
  const count = (key: 'tokenCount' | 'trainedCount'): number => parts.reduce((sum, part) => sum + part[key], 0);
  const [tokenCount, trainedCount] = [count('tokenCount'), count('trainedCount')];
  const plain = { file: '/data/otters.jsonl', line: index + 1, isCut: false, isDuplicate: false };
  return { index, parts, tokenCount, trainedCount, fullLength: tokenCount, ...plain, ...rest };
}

function part(name: 'row' | 'prompt' | 'chosen' | 'rejected', tokens: Token[], leftOut = 0) {
  const trained = tokens.filter((one) => one.trained).length;
  return { name, tokens, tokenCount: tokens.length + leftOut, trainedCount: trained, leftOut };
}

/** The preview of these rows. */
function open(rows: ShownRow[], rest: { kind?: 'rows' | 'pairs'; maxLength?: number } = {}): void {
  answerFor('data.rows', ({ offset, limit, filter }) => {
    const found = rows.filter(({ isCut }) => filter !== 'truncated' || isCut);
    return { total: found.length, rows: found.slice(offset, offset + limit) };
  });
  const truncated = rows.filter(({ isCut }) => isCut).length;
  const report = { usable: rows.length, truncated, duplicates: 0 };
  const place = { store: `tokens-${'0'.repeat(32)}`, pieces: `pieces-${'0'.repeat(32)}.json` };
  const made: unknown = { rows: place, kind: 'rows', length: rows.length, maxLength: null, report, ...rest };
  const data = made as TokenizedData;
  show(TokenPreview, { data });
  rowView.show(data);
}

beforeEach(() => {
  asked.length = 0;
  rowView.show(null);
  rowView.look('all');
});

const tokens = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('.token')];
const texts = (of: HTMLElement[] = tokens()): string[] => of.map(({ textContent }) => textContent);
const withClass = (name: string): string[] => texts(tokens().filter(({ classList }) => classList.contains(name)));
const list = page.getByRole('listbox', { name: 'Tokens of row 1' });

test('learned and special tokens are told apart, and blanks can be seen', async () => {
  open([row(0, [part('row', [...question, ...answer])])]);
  await expect.poll(() => texts()).toEqual(['<s>', 'Who', '·are', '·you?↵', 'An', '··otter', '</s>']);
  expect(withClass('trained')).toEqual(['An', '··otter', '</s>']);
  expect(withClass('special')).toEqual(['<s>', '</s>']);
  const colorOf = (at: number): string => getComputedStyle(tokens()[at] ?? document.body).backgroundColor;
  expect(colorOf(4)).not.toBe(colorOf(2));
  await expect.element(page.getByText('43 % learned:')).toBeVisible(); // 3 of 7
  await expect.element(page.getByRole('img', { name: '3 of 7 tokens are learned' })).toBeVisible();
});

test('what max_length cuts off is said, and drawn at the end', async () => {
  open([row(0, [part('row', [...question, ...answer])], { isCut: true, fullLength: 10 })], { maxLength: 7 });
  await expect.element(page.getByText(/3\s+of\s+10\s+tokens are cut\s+off by max_length/)).toBeVisible();
  const stretches = [...document.querySelectorAll('svg[role=img] rect')].map((rect) => [
    rect
      .getAttribute('class')
      ?.split(' ')
      .find((name) => /^(read|trained|cut)$/.test(name)),
    Number(rect.getAttribute('x')),
    Number(rect.getAttribute('width')),
  ]);
  expect(stretches).toEqual([
    ['read', 0, 4],
    ['trained', 4, 3],
    ['cut', 7, 3],
  ]);
  await page.getByLabelText('Which rows').selectOptions('Too long (1)');
  await expect.poll(() => asked.at(-1)?.input).toMatchObject({ filter: 'truncated', offset: 0 });
});

test('keys go from token to token and from row to row', async () => {
  open([0, 1, 2].map((index) => row(index, [part('row', [token(`row ${String(index)}`, true), ...answer])])));
  await expect.poll(() => texts()[0]).toBe('row·0');
  (list.element() as HTMLElement).focus();
  await userEvent.keyboard('{ArrowRight}{ArrowRight}');
  // "  otter" is the third one, seven characters long, which is its id here.
  await expect.element(page.getByText('token 3')).toBeVisible();
  expect(document.querySelector('.line')?.textContent.replaceAll(/\s+/g, ' ')).toContain('id 7 token 3 learned');
  await userEvent.keyboard('{End}');
  await expect.element(page.getByText('learned, special')).toBeVisible();
  await userEvent.keyboard('{ArrowDown}{ArrowDown}{ArrowDown}');
  await expect.poll(() => texts()[0]).toBe('row·2');
  await expect.element(page.getByText('otters.jsonl:3')).toBeVisible();
  await page.getByLabelText('Row', { exact: true }).fill('2');
  await userEvent.keyboard('{Enter}');
  await expect.poll(() => texts()[0]).toBe('row·1');
});

test('of a long row the middle is asked for', async () => {
  const whole = Array.from({ length: 1000 }, (_, i) => token(`t${String(i)}`, i >= 500));
  open([row(0, [part('row', [...whole.slice(0, 300), ...whole.slice(700)], 400)])]);
  await expect.poll(() => tokens().length).toBe(600);
  answerFor('data.rows', () => ({ total: 1, rows: [row(0, [part('row', whole)])] }));
  await page.getByRole('button', { name: 'Show the 400 tokens between' }).click();
  await expect.poll(() => tokens().length).toBe(1000);
  expect(asked.at(-1)?.input).toMatchObject({ offset: 0, limit: 1 });
  expect(withClass('trained')).toHaveLength(500);
});

test('a pair has a prompt and two answers', async () => {
  open([row(0, [part('prompt', question), part('chosen', answer), part('rejected', [token('No', true)])])], {
    kind: 'pairs',
  });
  await expect.element(page.getByRole('heading', { name: 'Better answer 3 tokens' })).toBeVisible();
  await expect.element(page.getByRole('heading', { name: 'Worse answer 1 tokens' })).toBeVisible();
  expect(page.getByRole('listbox').elements()).toHaveLength(3);
});
