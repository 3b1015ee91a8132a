// Dropping files on the page of `lorelei serve`: a browser cannot say where they lie, so they are uploaded, and used then.
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { dragFiles } from '../support/drag-files.ts';
import { startServe, type Served } from '../support/serve-process.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { axeProblems, watchComplaints } from '../support/window-scenario.ts';

const folder = tempFolder();
const uploads = join(folder.path, 'home/uploads');
const pictures = 'test-output/screenshots';
const rows = '{"text":"The otter swims."}\n{"text":"The pike waits."}\n';
let served: Served;
let browser: Chromium;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  if (chromiumProgram === undefined) return;
  mkdirSync(pictures, { recursive: true });
  served = await startServe(join(folder.path, 'home'), { LORELEI_KEYCHAIN: 'off' });
  browser = await openChromium();
  page = await browser.context.newPage();
  complaints = watchComplaints(page);
  await page.setViewportSize({ width: 1024, height: 700 });
  await page.goto(served.link());
});
afterAll(async () => {
  if (chromiumProgram === undefined) return;
  await browser.close();
  await served.stop();
});

const goTo = (hash: string) => page.evaluate((to) => void (location.hash = to), hash);
const there = (): string[] => (existsSync(uploads) ? readdirSync(uploads).sort() : []);

test.skipIf(chromiumProgram === undefined)('a file dropped on any screen is trained on', async () => {
  await page.getByRole('heading').first().waitFor();
  await dragFiles(page, [folder.write('otter notes.jsonl', rows)], page.locator('main'), async () => {
    await page.getByText('Drop it to train on it').waitFor();
    await page.screenshot({ path: `${pictures}/drop.png` });
    expect(await axeProblems(page)).toEqual([]);
  });
  await page.getByText(`jsonl · ${String(rows.length)} B · ${join(uploads, 'otter notes.jsonl')}`).waitFor();
  expect(new URL(page.url()).hash).toBe('#/new/data');
  expect(readFileSync(join(uploads, 'otter notes.jsonl'), 'utf8')).toBe(rows);

  // Several, on a field of its own.
  await page.getByText('Other files').click();
  const [one, two] = [folder.write('one.jsonl', rows), folder.write('two.jsonl', rows)];
  await dragFiles(page, [one, two], page.getByLabel('Files to evaluate on'), async () => {
    await page.getByText('Drop it into “Files to evaluate on”').waitFor();
    await page.screenshot({ path: `${pictures}/drop-field.png` });
  });
  await page.getByRole('button', { name: 'Remove two.jsonl' }).waitFor();
  expect(there()).toEqual(['one.jsonl', 'otter notes.jsonl', 'two.jsonl']);
});

test.skipIf(chromiumProgram === undefined)(
  'an upload shows how far it is, and leaves nothing when cancelled',
  async () => {
    const large = folder.write('large.jsonl', '');
    truncateSync(large, 2e9);
    await dragFiles(page, [large], page.locator('main'));
    await page.getByText('Uploading large.jsonl').waitFor();
    const bar = page.getByRole('progressbar', { name: 'Uploading large.jsonl' });
    await expect.poll(() => bar.getAttribute('value').then(Number), { timeout: 20_000 }).toBeGreaterThan(1e7);
    expect(await axeProblems(page)).toEqual([]);
    await page.screenshot({ path: `${pictures}/upload.png` });
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await bar.waitFor({ state: 'detached' });
    await expect.poll(there, { timeout: 20_000 }).toEqual(['one.jsonl', 'otter notes.jsonl', 'two.jsonl']);
    expect(await page.getByRole('button', { name: 'Remove large.jsonl' }).count()).toBe(0);
  },
);

test.skipIf(chromiumProgram === undefined)('a folder, which a browser does not hand over, is told so', async () => {
  await dragFiles(page, [join(folder.path, 'home/runs')], page.locator('main'));
  await page.getByText('A browser hands over files, but no folders.').waitFor();
  expect(await axeProblems(page)).toEqual([]);
  await page.getByRole('button', { name: 'Close' }).click();
  // Nor is a file sent where only a folder will do.
  await goTo('#/new/model');
  await page.getByLabel('Another folder').waitFor();
  await dragFiles(page, [folder.write('model.safetensors', 'x')], page.locator('main'));
  await page.getByText('A browser hands over files, but no folders.').waitFor();
  expect(there()).not.toContain('model.safetensors');
  await page.getByRole('button', { name: 'Close' }).click();
});

test.skipIf(chromiumProgram === undefined)('uploads are among the disk use, and can be removed there', async () => {
  await goTo('#/settings');
  const list = page.getByRole('list', { name: 'Uploads' });
  await list.scrollIntoViewIfNeeded();
  expect(await list.getByRole('listitem').count()).toBe(3);
  expect(await axeProblems(page)).toEqual([]);
  await page.screenshot({ path: `${pictures}/uploads.png` });
  const used = page.getByRole('row', { name: /^Uploads/ });
  expect(await used.innerText()).toContain(`${String(3 * rows.length)} B`);
  await list.getByRole('button', { name: 'Remove one.jsonl' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await expect.poll(() => list.getByRole('listitem').count()).toBe(2);
  expect(there()).toEqual(['otter notes.jsonl', 'two.jsonl']);
  await expect.poll(() => used.innerText()).toContain(`${String(2 * rows.length)} B`);
  expect(complaints).toEqual([]);
});
