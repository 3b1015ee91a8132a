// Choosing data in the window that `lorelei serve` shows: a file whose columns say nothing by themselves is mapped, its
// bad rows are found, and what the window shows is what `lorelei preview` says.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resourcePath } from '../../main/app/resources.ts';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { hubStub, type HubStub } from '../support/hub-stub.ts';
import { startServe, type Served } from '../support/serve-process.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { axeProblems, watchComplaints } from '../support/window-scenario.ts';

type Told = {
  rows: { line: number; tokenCount: number; trainedCount: number; tokens: { text: string; trained: boolean }[] }[];
  report: { rows: number; usable: number; truncated: number; duplicates: number; empty: number; tokens: number };
};

const folder = tempFolder();
const model = resourcePath('starter-model');
let file: string;
let hub: HubStub;
let served: Served;
let browser: Chromium;
let page: Page;

beforeAll(async () => {
  if (chromiumProgram === undefined) return;
  const rows = Array.from(
    { length: 60 },
    (_, i) => `${String(i)},"What is the ${String(i)}th wonder?","It is ${'very '.repeat(i)}old."`,
  );
  rows[7] = '7,"Silence?","  "';
  rows[9] = rows[8] ?? '';
  file = folder.write('wonders.csv', ['Nr,Frage,Antwort', ...rows].join('\n'));
  writeFileSync(
    join(folder.path, 'draft.json'),
    JSON.stringify({ method: 'sft', preset: null, values: { model_name_or_path: model } }),
  );
  const sample = readFileSync(resourcePath('sample-data', 'dpo.jsonl'));
  hub = await hubStub([
    {
      kind: 'dataset',
      id: 'river/talks',
      downloads: 12,
      files: { 'train.jsonl': sample, 'test.jsonl': sample, 'README.md': sample },
    },
  ]);
  served = await startServe(folder.path, {
    HF_ENDPOINT: hub.url,
    HF_HUB_CACHE: join(folder.path, 'hub'),
    HF_TOKEN: '',
    LORELEI_KEYCHAIN: 'off',
  });
  browser = await openChromium();
  page = await browser.context.newPage();
  await page.setViewportSize({ width: 1024, height: 700 });
});

afterAll(async () => {
  if (chromiumProgram === undefined) return;
  await browser.close();
  await served.stop();
  await hub.close();
});

/** What the command line says of the same keys. */
function toldInTerminal(keys: Record<string, string>): Told {
  const words = Object.entries({ model_name_or_path: model, dataset_name: file, ...keys }).flatMap(([key, value]) => [
    `--${key}`,
    value,
  ]);
  const output = execFileSync(process.execPath, ['out/main/cli.js', 'preview', '--json', '--rows', '60', ...words], {
    env: { ...process.env, LORELEI_HOME: join(folder.path, 'other-home') },
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(output.toString()) as Told;
}

const health = async (name: string): Promise<number> =>
  Number((await page.getByRole('button', { name: new RegExp(`^[\\d,]+ ${name}$`) }).innerText()).split('\n')[0]);
const preview = () => page.getByRole('region', { name: 'What the model learns, token by token' });

test.skipIf(chromiumProgram === undefined)('a file that is not understood is mapped, and seen through', async () => {
  const complaints = watchComplaints(page);
  await page.goto(served.link());
  await page.goto(new URL('/#/new/data', served.link()).href);
  expect(await axeProblems(page)).toEqual([]);
  await page.getByLabel('Files', { exact: true }).fill(join(folder.path, 'nowhere.csv'));
  await page.getByRole('button', { name: 'Use', exact: true }).click();
  await page.getByText(/^There is no file or folder/).waitFor();
  await page.getByRole('button', { name: 'Remove nowhere.csv' }).click();

  await page.getByLabel('Files', { exact: true }).fill(file);
  await page.getByRole('button', { name: 'Use', exact: true }).click();
  await page.getByText('The names of the columns do not say what a row of wonders.csv is.').waitFor();
  await page.getByRole('status').getByRole('button', { name: 'Map the columns' }).click();
  expect(await page.getByRole('row', { name: /^Frage/ }).innerText()).toContain('What is the 0th wonder?');
  expect(await page.getByRole('button', { name: 'Use this mapping' }).isDisabled()).toBe(true);
  await page.getByLabel('Question', { exact: true }).selectOption('Frage');
  await page.getByLabel('Answer', { exact: true }).selectOption('Antwort');
  expect(await axeProblems(page)).toEqual([]);
  await page.getByRole('button', { name: 'Use this mapping' }).click();

  // The same counts and tokens as in a terminal.
  await preview().waitFor();
  const columns = '{instruction: Frage, output: Antwort}';
  const told = toldInTerminal({ columns });
  expect(told.report).toMatchObject({ rows: 60, usable: 59, duplicates: 1, empty: 1, truncated: 0 });
  expect(await health('Rows')).toBe(60);
  expect(await health('Usable')).toBe(59);
  expect(await health('Duplicates')).toBe(1);
  expect(await health('Empty')).toBe(1);
  const shown = async () => {
    const texts = await preview().locator('.token').allInnerTexts();
    return texts.map((text) => text.replaceAll('·', ' ').replaceAll('↵', '\n')).join('|');
  };
  const written = (i: number) => told.rows[i]?.tokens.map(({ text }) => text).join('|');
  expect(await shown()).toBe(written(0));
  expect(await preview().locator('.token.trained').count()).toBe(told.rows[0]?.trainedCount);
  await preview().getByRole('listbox').focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowDown');
  await expect.poll(shown).toBe(written(3));
  await page.keyboard.press('ArrowRight');
  await preview().getByText('token 2', { exact: true }).waitFor();
  await preview().getByLabel('Row', { exact: true }).fill('59');
  await page.keyboard.press('Enter');
  await expect.poll(shown).toBe(written(58));
  expect(await preview().locator('.place').innerText()).toBe(`wonders.csv:${String(told.rows[58]?.line)}`);
  expect(await axeProblems(page)).toEqual([]);
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await axeProblems(page)).toEqual([]);
  await page.emulateMedia({ colorScheme: 'light' });

  // A count opens its rows.
  await page.getByRole('button', { name: /^1 Empty$/ }).click();
  const panel = page.getByRole('dialog', { name: 'Empty: 1 row' });
  expect((await panel.getByRole('listitem').innerText()).replace(/\s+/g, ' ')).toBe(
    'wonders.csv:9 the answer is empty',
  );
  await page.keyboard.press('Escape');

  // The line cuts where it is moved to, and the tokens follow.
  const line = page.getByRole('slider', { name: 'Tokens kept of a row (max_length)' });
  await line.focus();
  await page.keyboard.press('Home');
  for (let i = 0; i < 7; i++) await page.keyboard.press('PageUp');
  const maxLength = await line.getAttribute('aria-valuenow');
  const cut = toldInTerminal({ columns, max_length: String(maxLength) });
  expect(cut.report.truncated).toBeGreaterThan(0);
  const words = page.getByRole('region', { name: /^Length of the rows/ }).locator('.words');
  expect(await words.innerText()).toContain(`Cuts ${String(cut.report.truncated)} of 59 rows`);
  expect(await words.innerText()).toContain(`${String(told.report.tokens - cut.report.tokens)} of`);
  await expect.poll(() => health('Too long'), { timeout: 20_000 }).toBe(cut.report.truncated);

  // Rows for evaluation; and the draft keeps it all.
  await page.getByText('Set some aside').click();
  await page.getByText('3 rows to evaluate on, 56 to train on.').waitFor();
  await expect
    .poll(() => JSON.parse(readFileSync(join(folder.path, 'draft.json'), 'utf8')) as unknown)
    .toMatchObject({
      values: {
        dataset_name: file,
        columns: { instruction: 'Frage', output: 'Antwort' },
        max_length: Number(maxLength),
        test_split_size: 0.05,
      },
    });
  await page.reload();
  await preview().waitFor();
  expect(await health('Too long')).toBe(cut.report.truncated);
  await page.getByText('mapped by hand').waitFor();
  expect(complaints).toEqual([]);
});

test.skipIf(chromiumProgram === undefined)(
  'a dataset of the Hub comes, and its pairs ask for preferences',
  async () => {
    await page.getByRole('button', { name: 'Remove wonders.csv' }).click();
    await page.getByText('Hugging Face Hub', { exact: true }).click();
    await page.getByRole('button', { name: /^river\/talks/ }).click();
    expect(await page.getByRole('checkbox', { name: /^train\.jsonl/ }).isChecked()).toBe(true);
    expect(await page.getByRole('checkbox', { name: /^test\.jsonl/ }).isChecked()).toBe(false);
    expect(await axeProblems(page)).toEqual([]);
    await page.getByRole('button', { name: /^Download/ }).click();
    await page.getByText('The rows of train.jsonl hold a better and a worse answer each.').waitFor();
    await page.getByRole('button', { name: 'Train on the pairs (DPO)' }).click();
    await preview()
      .getByRole('heading', { name: /^Better answer/ })
      .waitFor();
    expect(await health('Usable')).toBe(200);
    expect(await preview().getByRole('listbox').count()).toBe(3);
    expect(await axeProblems(page)).toEqual([]);
  },
);
