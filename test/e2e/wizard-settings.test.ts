// The wizard's settings and review in a real browser: preset, form, YAML both ways, errors at their key, a draft that
// survives a reload, and a run that really trains.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resourcePath } from '../../main/app/resources.ts';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { startServe, type Served } from '../support/serve-process.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { axeProblems, watchComplaints } from '../support/window-scenario.ts';

const folder = tempFolder();
let served: Served;
let browser: Chromium;
let page: Page;

beforeAll(async () => {
  if (chromiumProgram === undefined) return;
  const values = {
    model_name_or_path: resourcePath('starter-model'),
    dataset_name: resourcePath('sample-data', 'sft.jsonl'),
  };
  writeFileSync(join(folder.path, 'draft.json'), JSON.stringify({ method: 'sft', preset: 'quick-try', values }));
  served = await startServe(folder.path);
  browser = await openChromium();
  page = await browser.context.newPage();
  await page.setViewportSize({ width: 1024, height: 700 });
});

afterAll(async () => {
  if (chromiumProgram === undefined) return;
  await browser.close();
  await served.stop();
});

const field = (name: string) =>
  page.locator('main section').getByLabel(name, { exact: true }).and(page.locator('input, select'));

test.skipIf(chromiumProgram === undefined)('settings go both ways, and a run starts from them', async () => {
  const complaints = watchComplaints(page);
  await page.goto(served.link());
  await page.goto(new URL('/#/new/settings', served.link()).href);
  await expect.poll(() => field('Learning rate').inputValue()).toBe('2e-4');

  // A wrong value is told at its key; the way back is one click.
  await field('Learning rate').fill('-3');
  await page.getByText('learning_rate is -3; it must be a number above 0').first().waitFor();
  expect(await field('Learning rate').getAttribute('aria-invalid')).toBe('true');
  await page.getByRole('button', { name: 'Back to 2e-4: Learning rate' }).click();
  await expect.poll(() => field('Learning rate').getAttribute('aria-invalid')).toBe('false');

  // Form -> YAML -> form.
  await field('Steps').fill('12');
  await page.getByText('YAML', { exact: true }).click();
  const editor = page.locator('.cm-content');
  await expect.poll(() => editor.innerText()).toContain('max_steps: 12');
  await editor.click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('seed: 7\n');
  await page.getByText(/^All \d+ settings$/).click();
  await expect.poll(() => field('Seed').inputValue()).toBe('7');
  await field('Search settings').fill('seed');
  expect(await page.getByRole('status').filter({ hasText: ' of ' }).innerText()).toMatch(/^\d of \d+$/);
  expect(await axeProblems(page)).toEqual([]);

  // Another method keeps what both know.
  await page.getByText('Preferences (DPO)').click();
  await field('Search settings').fill('');
  await expect.poll(() => field('Beta').inputValue()).toBe('0.1');
  expect(await field('Seed').inputValue()).toBe('7');
  await page.getByText('Examples (SFT)').click();
  await expect.poll(() => field('Steps').inputValue()).toBe('12');

  // The draft survives a reload; what it takes is shown.
  await page.waitForTimeout(500); // the draft is kept a moment after the last change
  await page.reload();
  await expect.poll(() => field('Steps').inputValue()).toBe('12');
  await page.getByText('It fits:').waitFor();

  await page.goto(new URL('/#/new/review', served.link()).href);
  await page.getByText('12 steps of 8 rows a step, learning rate 2e-4').waitFor();
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await axeProblems(page)).toEqual([]);
  await page.getByLabel('Name of the run').fill('from the wizard');
  await page.getByRole('button', { name: 'Start training' }).click();
  await page.waitForURL(/#\/runs\/[a-z]+-[a-z]+$/);
  await page.getByText('Completed').first().waitFor({ timeout: 90_000 });
  expect(complaints).toEqual([]);
});
