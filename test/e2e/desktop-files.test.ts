// What the desktop app's window may read: nothing of the disk but what the person hands over, in the system's dialog, in
// answer to a question of the program, or by dropping it.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resourcePath } from '../../main/app/resources.ts';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { callFrom, Desktop } from '../support/desktop.ts';
import { dragFiles } from '../support/drag-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const rows = '{"text":"The otter swims."}\n{"text":"The pike waits."}\n';
const home = join(folder.path, 'home');
let browser: Chromium;
let desktop: Desktop;
let page: Page;

async function open(): Promise<void> {
  const opened = browser.context.waitForEvent('page');
  desktop = new Desktop(home, browser);
  page = await opened;
  await page.locator('main').waitFor();
}

beforeAll(async () => {
  if (chromiumProgram === undefined) return;
  browser = await openChromium();
  await open();
});
afterAll(async () => {
  if (chromiumProgram === undefined) return;
  await desktop.kill();
  await browser.close();
});

const look = (path: string) =>
  callFrom(page, 'data.look', { draft: { method: 'sft', preset: null, values: { dataset_name: path } } });
const goTo = (hash: string) => page.evaluate((to) => void (location.hash = to), hash);
/** Its first rows were read: the page says what the file is. */
const wasRead = () => page.getByText(`jsonl · ${String(rows.length)} B ·`).waitFor();
const remove = (name: string) => page.getByRole('button', { name: `Remove ${name}` }).click();

test.skipIf(chromiumProgram === undefined)('what was picked in the dialog, and nothing beside it', async () => {
  const picked = folder.write('picked/notes.jsonl', rows);
  const beside = folder.write('picked/diary.jsonl', rows);
  await expect(look(picked)).rejects.toMatchObject({ code: 'file-not-granted', paths: [picked] });
  await expect(callFrom(page, 'files.browse', { folder: '/' })).rejects.toMatchObject({ code: 'browse-not-here' });
  await goTo('#/new/data');
  await page.getByRole('button', { name: 'Browse' }).click();
  const dialog = await desktop.sees('open');
  expect(dialog.options).toMatchObject({ title: 'Choose files', properties: ['openFile', 'multiSelections'] });
  desktop.answer(dialog, [picked]);
  await wasRead();
  await expect(look(beside)).rejects.toMatchObject({ code: 'file-not-granted' });
  await remove('notes.jsonl');
});

test.skipIf(chromiumProgram === undefined)('what was typed, when the person says so', async () => {
  const typed = folder.write('typed.jsonl', rows);
  await page.getByLabel('Files', { exact: true }).fill(typed);
  await page.getByRole('button', { name: 'Use', exact: true }).click();
  const question = await desktop.sees('message');
  expect(question.options).toMatchObject({ detail: typed, buttons: ['Allow', 'Cancel'] });
  // One question at a time: a page cannot bury a person in them.
  await expect(callFrom(page, 'files.grant', { paths: ['/'] })).rejects.toMatchObject({ code: 'file-not-granted' });
  desktop.answer(question, 1);
  await page.getByText('you did not pick it in a window').waitFor();
  await expect(look(typed)).rejects.toMatchObject({ code: 'file-not-granted' });
  await page.getByRole('button', { name: 'Use', exact: true }).click();
  desktop.answer(await desktop.sees('message'), 0);
  await wasRead();
});

test.skipIf(chromiumProgram === undefined)('a draft is still readable after a restart', async () => {
  await page.waitForTimeout(500); // the draft is saved shortly after a change
  await desktop.kill();
  await open();
  await goTo('#/new/data');
  await wasRead();
  await remove('typed.jsonl');
});

test.skipIf(chromiumProgram === undefined)('a path of a foreign recipe is asked for where it is needed', async () => {
  const other = folder.write('other.jsonl', rows);
  await callFrom(page, 'draft.save', { method: 'sft', preset: null, values: { dataset_name: other } });
  await page.reload();
  await page.getByText('you did not pick it in a window').waitFor();
  await page.getByRole('button', { name: 'Allow' }).click();
  desktop.answer(await desktop.sees('message'), 0);
  await wasRead();
});

/** From a file manager. */
async function drop(paths: string[], place: Locator, look?: () => Promise<void>): Promise<void> {
  desktop.does('takeFiles', { paths });
  await desktop.sees('holding');
  await dragFiles(page, paths, place, look);
}

test.skipIf(chromiumProgram === undefined)('what was dropped anywhere, files and folders', async () => {
  await remove('other.jsonl');
  const dropped = folder.write('dropped/notes.jsonl', rows);
  await goTo('#/runs');
  await page.getByRole('heading').first().waitFor();
  await drop([dropped], page.locator('main'), () => page.getByText('Drop it to train on it').waitFor());
  await wasRead();
  expect(new URL(page.url()).hash).toBe('#/new/data');
  expect(await page.getByText('Drop it').count()).toBe(0);

  // On the data step it comes beside what is there; a folder with all that is in it.
  folder.write('whole/one.jsonl', rows);
  folder.write('whole/two.jsonl', rows);
  await drop([join(folder.path, 'whole')], page.locator('main'));
  await page.getByText(`2 files · ${String(2 * rows.length)} B`).waitFor();
  await expect(look(join(folder.path, 'dropped'))).rejects.toMatchObject({ code: 'file-not-granted' });

  // On the model step it is the model.
  await goTo('#/new/model');
  const model = join(folder.path, 'model');
  cpSync(resourcePath('starter-model'), model, { recursive: true });
  await page.getByLabel('Another folder').waitFor();
  await drop([model], page.locator('main'), () => page.getByText('Drop it to choose it as the model').waitFor());
  await page.getByRole('complementary').getByRole('heading', { name: 'model' }).waitFor();
});

test.skipIf(chromiumProgram === undefined)('what a page makes up has no path', async () => {
  const secret = folder.write('secret.jsonl', rows);
  const told = await page.evaluate((path) => {
    const forged = Object.defineProperty(new File(['x'], path), 'path', { value: path });
    return (window.lorelei as unknown as { dropped(files: File[]): Promise<unknown> }).dropped([forged]);
  }, secret);
  expect(told).toMatchObject({ ok: false, error: { code: 'nothing-dropped' } });
  await expect(look(secret)).rejects.toMatchObject({ code: 'file-not-granted' });
});
