// From a file that nobody understands to a comparison: its columns are mapped and its bad rows are seen, the starter
// model is fine-tuned on the rest, taught preferences on top, and both runs are compared. By the window alone, in one
// sitting; the screen, the history and the disk have to agree.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readAdapter } from '../../main/checkpoints/adapter.ts';
import { openHistory, type History } from '../../main/store/history.ts';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { goTo, windowHosts, type OpenWindow } from '../support/window-hosts.ts';
import { axeProblems, watchComplaints } from '../support/window-scenario.ts';

const folder = tempFolder();
const home = join(folder.path, 'home');
let browser: Chromium;
let window: OpenWindow;
let page: Page;
let complaints: string[];
let history: History;

beforeAll(async () => {
  if (chromiumProgram === undefined) return;
  browser = await openChromium();
  window = await windowHosts.serve(home, browser);
  ({ page } = window);
  complaints = watchComplaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  history = openHistory(join(home, 'lorelei.db'), resolve('resources/migrations'));
});

afterAll(async () => {
  if (chromiumProgram === undefined) return;
  history.close();
  await window.close();
  await browser.close();
});

const runCalled = (name: string) => {
  const run = history.runs.list().find((one) => one.name === name);
  if (!run) throw new Error(`there is no run called ${name}`);
  return run;
};

const field = (name: string) =>
  page.locator('main section').getByLabel(name, { exact: true }).and(page.locator('input, select'));

/** Sets what matters, starts and waits for the end. */
async function train(name: string, steps: number, rate: string): Promise<void> {
  await goTo(page, '#/new/settings');
  await field('Steps').fill(String(steps));
  await field('Learning rate').fill(rate);
  await goTo(page, '#/new/review');
  await page.getByLabel('Name of the run').fill(name);
  await page.getByRole('button', { name: 'Start training' }).click();
  await page.getByRole('heading', { name, level: 1 }).waitFor();
  await page.getByText('Completed').first().waitFor({ timeout: 90_000 });
}

test.skipIf(chromiumProgram === undefined)('a broken dataset is mapped, looked through and trained on', async () => {
  const lines = Array.from({ length: 40 }, (_, i) =>
    JSON.stringify({ nr: i, frage: `What is wonder ${String(i)}?`, antwort: `It is ${'very '.repeat(i % 5)}old.` }),
  );
  lines[4] = '{"nr": 4, "frage": "What is'; // cut off by a full disk
  lines[6] = JSON.stringify({ nr: 6, frage: 'Silence?', antwort: '' });
  lines[9] = JSON.stringify({ nr: 9, question: 'Another export?', answer: 'Yes.' });
  lines[11] = lines[10] ?? '';
  const file = folder.write('wonders.jsonl', `${lines.join('\n')}\n`);

  await goTo(page, '#/new/model');
  await page.getByRole('radio', { name: /Lorelei starter model/ }).check();
  await goTo(page, '#/new/data');
  await page.getByLabel('Files', { exact: true }).fill(file);
  await page.getByRole('button', { name: 'Use', exact: true }).click();
  // One line has names that are known, so that all others seem to be wrong.
  const problem = page.getByRole('alert').filter({ hasText: '39 of 40 rows cannot be used' });
  await problem.getByRole('button', { name: 'Map the columns' }).click();
  await page.getByLabel('Question', { exact: true }).selectOption('frage');
  await page.getByLabel('Answer', { exact: true }).selectOption('antwort');
  await page.getByRole('button', { name: 'Use this mapping' }).click();

  // Of 40 lines one is no JSON, one has other columns, one has no answer; one says what another said.
  for (const count of ['40 Rows', '37 Usable', '2 Invalid', '1 Empty', '1 Duplicates'])
    await page.getByRole('button', { name: new RegExp(`^${count}$`) }).waitFor();
  await page.getByRole('button', { name: /^2 Invalid$/ }).click();
  const panel = page.getByRole('dialog');
  const places = (await panel.getByRole('listitem').allInnerTexts()).map(
    (text) => /wonders\.jsonl:\d+/.exec(text)?.[0],
  );
  expect(places).toEqual(['wonders.jsonl:5', 'wonders.jsonl:10']);
  expect(await axeProblems(page)).toEqual([]);
  await page.keyboard.press('Escape');

  await train('wonders', 6, '5e-3');
  const run = runCalled('wonders');
  expect(run).toMatchObject({ status: 'completed', method: 'sft', lastStep: 6 });
  expect(run.recipe).toMatchObject({ dataset_name: [file], columns: { instruction: 'frage', output: 'antwort' } });
  expect(history.metrics.steps(run.id)).toHaveLength(6);
  expect(existsSync(join(run.outputDir, 'adapter_model.safetensors'))).toBe(true);
  await page.getByRole('link', { name: 'Events and log' }).click();
  await page
    .getByText(/wonders\.jsonl/)
    .first()
    .waitFor();
});

test.skipIf(chromiumProgram === undefined)('preferences are taught on top of the fine-tuned run', async () => {
  await goTo(page, '#/new/model');
  await page.getByRole('radio', { name: new RegExp(`^(wonders|${runCalled('wonders').id})`) }).check();
  await goTo(page, '#/new/data');
  await page.getByRole('button', { name: 'Remove wonders.jsonl' }).click();
  await page.getByRole('button', { name: /^Sample preferences/ }).click();
  await page.getByRole('heading', { name: /^Better answer/ }).waitFor();
  await train('preferences', 5, '1e-3');

  const [sft, dpo] = [runCalled('wonders'), runCalled('preferences')];
  expect(dpo).toMatchObject({ status: 'completed', method: 'dpo', lastStep: 5 });
  // The fine-tuned adapter was merged into its model first.
  expect(dpo.recipe.model_name_or_path).toMatch(new RegExp(`merged/${sft.id}-step-6-`));
  // A first step that begins at the reference: no margin, and a loss of ln 2.
  const [first, ...others] = history.metrics.steps(dpo.id);
  expect(first?.loss).toBeCloseTo(Math.LN2, 4);
  expect(others.at(-1)?.logged?.['rewards/margins']).toBeGreaterThan(0);
  expect(
    await page
      .locator('section')
      .filter({ has: page.getByRole('application') })
      .locator('h2')
      .first()
      .innerText(),
  ).toBe('Reward margin');
  // Another adapter than the one it stands on, and it says what it stands on.
  expect(readAdapter(dpo.outputDir).tensors).not.toEqual(readAdapter(sft.outputDir).tensors);
  expect(readFileSync(join(dpo.outputDir, 'README.md'), 'utf8')).toContain('DPO');
});

test.skipIf(chromiumProgram === undefined)('the two are compared', async () => {
  await goTo(page, '#/runs');
  await page.locator('.run-row').filter({ hasText: 'preferences' }).locator('.below').last().click();
  await page.keyboard.press('Shift+ArrowDown');
  await page.getByText('2 selected').waitFor();
  await page.getByRole('link', { name: 'Compare' }).last().click();
  const loss = page.getByRole('region', { name: 'Loss', exact: true });
  await loss.waitFor();
  expect((await loss.locator('dt').allInnerTexts()).toSorted()).toEqual(['Step', 'preferences', 'wonders']);

  const [sft, dpo] = [runCalled('wonders'), runCalled('preferences')];
  const columns = (await page.getByRole('region', { name: 'Final metrics' }).locator('thead th').allInnerTexts()).map(
    (text) => text.trim(),
  );
  const cells = await page
    .getByRole('region', { name: 'Final metrics' })
    .getByRole('row', { name: /^Loss loss/ })
    .locator('td')
    .allInnerTexts();
  const said = new Map(cells.map((cell, i) => [columns[i + 1], Number(cell.replace('★', '').trim())]));
  for (const { id, name } of [sft, dpo]) {
    // As TRL logs it: the mean over logging_steps.
    const loss = history.metrics.steps(id).findLast(({ logged }) => logged)?.logged?.['loss'] ?? Number.NaN;
    expect([name, said.get(name)]).toEqual([name, Number(loss.toFixed(4))]);
  }
  const diff = page.getByRole('region', { name: 'Recipe differences' });
  const differing = (await diff.locator('tbody th').allInnerTexts()).map((text) => text.trim());
  expect(differing).toEqual(expect.arrayContaining(['method', 'model_name_or_path', 'dataset_name', 'max_steps']));
  const both = Object.keys(sft.recipe).filter((key) => key in dpo.recipe);
  const same = both.filter((key) => JSON.stringify(sft.recipe[key]) === JSON.stringify(dpo.recipe[key]));
  expect(same).toContain('lora_r');
  expect(differing.filter((key) => same.includes(key))).toEqual([]);
  expect(await axeProblems(page)).toEqual([]);

  // By tokens and by time too, and the address brings it all back.
  await page.getByText('Tokens', { exact: true }).first().click();
  await expect.poll(async () => (await loss.locator('dt').allInnerTexts())[0]).toBe('Tokens');
  await page.reload();
  await loss.waitFor();
  expect(complaints).toEqual([]);
});
