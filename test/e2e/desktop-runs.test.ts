// Runs that train while things happen to the desktop app's window: closed, reloaded, crashed; and what the system is
// asked for: dialogs, notices, other programs.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RunStatus } from '../../preload/contract.ts';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { callFrom, Desktop } from '../support/desktop.ts';

let browser: Chromium;
let home: string;
let desktop: Desktop;
let page: Page;

beforeAll(async () => {
  if (chromiumProgram !== undefined) browser = await openChromium();
});
afterAll(async () => {
  if (chromiumProgram !== undefined) await browser.close();
});

beforeEach(async (context) => {
  if (chromiumProgram === undefined) return context.skip();
  home = mkdtempSync(join(tmpdir(), 'lorelei-desktop-'));
  await open();
});

afterEach(async () => {
  if (chromiumProgram === undefined) return;
  await desktop.kill();
  rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
});

async function open(): Promise<void> {
  const opened = browser.context.waitForEvent('page');
  desktop = new Desktop(home, browser);
  page = await opened;
  await page.locator('main').waitFor();
}

/** Starts a run of the starter model that does not end by itself within the test, and waits until it has trained. */
async function startRun(maxSteps = 100_000): Promise<string> {
  const { id } = await callFrom(page, 'run.start', {
    method: 'sft',
    values: {
      model_name_or_path: resolve('resources/starter-model'),
      dataset_name: resolve('resources/sample-data/sft.jsonl'),
      output_dir: join(home, 'adapter'),
      max_steps: maxSteps,
      per_device_train_batch_size: 1,
      max_length: 64,
      logging_steps: 1,
    },
  });
  if (maxSteps > 1000) await stepsBeyond(id, 2);
  return id;
}

async function stepsBeyond(id: string, step: number): Promise<void> {
  await expect
    .poll(async () => (await callFrom(page, 'run.show', { id })).step, { timeout: 60_000 })
    .toBeGreaterThan(step);
}

const statusOf = async (id: string): Promise<RunStatus> => (await callFrom(page, 'run.show', { id })).status;

describe('closing the window while a run trains', () => {
  test('cancel leaves everything as it is; stop and save ends the app with a checkpoint', async () => {
    const id = await startRun();
    desktop.does('close');
    const question = await desktop.sees('message');
    expect(question.options).toMatchObject({
      message: `${id} is still training.`,
      buttons: ['Keep running', 'Stop and save', 'Cancel'],
    });
    desktop.answer(question, 2);
    expect(await statusOf(id)).toBe('training');

    desktop.does('quit');
    desktop.answer(await desktop.sees('message'), 1);
    expect(await desktop.ended).toBe(0);
    expect(readdirSync(join(home, 'runs', id)).some((name) => name.startsWith('checkpoint-'))).toBe(true);

    // Opened again: the run says that it was stopped, and the window is where it was.
    await open();
    expect(await statusOf(id)).toBe('stopped');
    const places = desktop.shown.filter(({ what }) => what === 'window').map(({ bounds }) => bounds);
    expect(places).toEqual([{ x: 40, y: 30, width: 1100, height: 700 }]);
  });

  test('keep running leaves an icon in the tray, from which the window comes back', async () => {
    const id = await startRun();
    desktop.does('close');
    desktop.answer(await desktop.sees('message'), 0);
    await desktop.sees('tray');
    await page.waitForEvent('close').catch(() => undefined);
    const opened = browser.context.waitForEvent('page');
    desktop.does('pickInTray', { label: 'Open Lorelei' });
    page = await opened;
    await page.locator('main').waitFor();
    const { step } = await callFrom(page, 'run.show', { id });
    await stepsBeyond(id, step);
    desktop.does('pickInTray', { label: 'Stop, save and quit' });
    expect(await desktop.ended).toBe(0);
  });
});

describe('what does not touch a run', () => {
  test('a reload, and a crash of the page; its process, killed, interrupts it', async () => {
    const id = await startRun();
    await page.reload();
    await page.locator('main').waitFor();
    const loaded = page.waitForEvent('load');
    desktop.does('crash');
    await loaded;
    const { step } = await callFrom(page, 'run.show', { id });
    await stepsBeyond(id, step);

    desktop.does('focus', { isFocused: false });
    desktop.does('killJob');
    await expect.poll(() => statusOf(id), { timeout: 30_000 }).toBe('interrupted');
    const notice = await desktop.sees('notice');
    expect(notice.title).toBe(`${id} was interrupted.`);
  });
});

test('a run that ends while nobody looks is told about', async () => {
  desktop.does('focus', { isFocused: false });
  const id = await startRun(3);
  const notice = await desktop.sees('notice');
  expect([notice.title, notice.body]).toEqual([`${id} is complete.`, '3 steps.']);
});

test('the window asks the system only for what it may', async () => {
  const file = join(home, 'picked.jsonl');
  writeFileSync(file, '');
  const choosing = callFrom(page, 'files.choose', { title: 'Choose data', kind: 'files', endings: ['.jsonl'] });
  const dialog = await desktop.sees('open');
  expect(dialog.options).toMatchObject({ title: 'Choose data', properties: ['openFile', 'multiSelections'] });
  desktop.answer(dialog, [file]);
  expect(await choosing).toEqual({ paths: [file] });

  await callFrom(page, 'host.openExternal', { url: 'https://huggingface.co/docs/peft' });
  expect((await desktop.sees('browser')).url).toBe('https://huggingface.co/docs/peft');
  for (const url of ['https://example.com/', 'file:///etc/passwd', 'https://huggingface.co.example.com/']) {
    await expect(callFrom(page, 'host.openExternal', { url })).rejects.toMatchObject({ code: 'link-not-allowed' });
    desktop.does('navigate', { url });
    expect(await desktop.sees('navigated')).toMatchObject({ isAllowed: false, opened: 'deny' });
  }
  desktop.does('attachWebview');
  expect(await desktop.sees('webview')).toMatchObject({ isAllowed: false });
  for (const permission of ['media', 'geolocation', 'notifications', 'clipboard-read', 'openExternal']) {
    desktop.does('permissions', { permission });
    expect(await desktop.sees('permission')).toMatchObject({ request: false, check: false, device: false });
  }
});
