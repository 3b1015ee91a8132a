// The Settings screen in a real browser, with real errands and a keychain in memory: by keyboard, in both themes, and
// without a trace of a token in the home folder.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApp, type App } from '../../main/app/app.ts';
import type { LaunchErrand } from '../../main/app/errand.ts';
import { forkedErrands } from '../../main/hosts/cli/fork-errand.ts';
import { serve, type Server } from '../../main/hosts/serve.ts';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { hasVulkan } from '../support/ensure-vulkan.ts';
import { fakeNvidiaSmi } from '../support/fake-nvidia-smi.ts';
import { storeOf } from '../support/secret-store.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { axeProblems, watchComplaints } from '../support/window-scenario.ts';

const token = 'hf_abcdefghijklmnopqrstuvwxyz-5678';
const folder = tempFolder();
const home = join(folder.path, 'home');
const held: Record<string, string> = {};
/** What trials of devices come to, in place of their process. */
let trial: () => Promise<unknown> = () => expect.unreachable();
let app: App;
let server: Server;
let browser: Chromium;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  if (chromiumProgram === undefined) return;
  for (const name of ['HF_TOKEN', 'COMET_API_KEY']) Reflect.deleteProperty(process.env, name);
  const launchJob = (): never => {
    throw new Error('no runs here');
  };
  fakeNvidiaSmi(join(folder.path, 'bin'), [
    { index: 0, name: 'Card', driver: '580.95.05', total: 8192, used: 1, utilization: 0, capability: '8.9' },
  ]);
  process.env['PATH'] = `${join(folder.path, 'bin')}:${process.env['PATH'] ?? ''}`;
  Reflect.deleteProperty(process.env, 'LORELEI_GPU');
  const { launchErrand, ...forked } = forkedErrands(home);
  const launch = ((name, input, hooks) =>
    name === 'checkDevice'
      ? trial().finally(() => setImmediate(() => hooks.onEnd?.('exit code 0')))
      : launchErrand(name, input, hooks)) as LaunchErrand;
  app = openApp({ launchJob, ...forked, launchErrand: launch, secretStore: storeOf(held) }, home);
  writeFileSync(join(app.home.cache, 'merged.bin'), Buffer.alloc(2_000_000));
  let link = '';
  server = await serve(app, { port: 0, pageFolder: 'out/renderer', onLink: (one) => (link = one) });
  browser = await openChromium();
  page = await browser.context.newPage();
  complaints = watchComplaints(page);
  await page.setViewportSize({ width: 1024, height: 700 });
  await page.goto(link);
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('heading', { name: 'Settings', level: 1 }).waitFor();
});

afterAll(async () => {
  if (chromiumProgram === undefined) return;
  await browser.close();
  await server.close();
  app.history.close();
});

/** Everything in the home folder, as one text. */
function everyByte(): string {
  const entries = readdirSync(home, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'))
    .join('\n');
}

test.skipIf(chromiumProgram === undefined)('a token is set, shown by its ending, replaced and removed', async () => {
  const tokens = page.getByRole('region', { name: 'Keys and tokens' });
  const row = tokens.getByRole('listitem').filter({ hasText: 'HF_TOKEN' });
  const comet = page.getByRole('region', { name: 'Trackers' }).getByText('Needs COMET_API_KEY');
  await comet.waitFor();

  await row.getByRole('button', { name: 'Set HF_TOKEN' }).press('Enter');
  await page.getByRole('dialog').waitFor();
  expect(await axeProblems(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect(held).toEqual({});

  await row.getByRole('button', { name: 'Set HF_TOKEN' }).press('Enter');
  await page.getByLabel('Value').fill(token);
  await page.keyboard.press('Enter');
  await row.getByText('Kept here, ends in 5678').waitFor();
  expect(held).toEqual({ HF_TOKEN: token });
  expect(await page.content()).not.toContain(token);

  await tokens.getByRole('button', { name: 'Set COMET_API_KEY' }).click();
  await page.getByLabel('Value').fill('a key of Comet');
  await page.getByRole('button', { name: 'Keep it' }).click();
  await comet.waitFor({ state: 'detached' });

  await row.getByRole('button', { name: 'Remove HF_TOKEN' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
  await row.getByText('Not set').waitFor();
  expect(held).toEqual({ COMET_API_KEY: 'a key of Comet' });
  held['HF_TOKEN'] = token;
});

test.skipIf(chromiumProgram === undefined)('the device is kept, and others say why they are not offered', async () => {
  const devices = page.getByRole('radiogroup', { name: 'Device' });
  await devices.getByText(/^(Takes|Not decided yet)/).waitFor();
  expect(await devices.getByRole('radio', { name: /Automatic/ }).isChecked()).toBe(true);
  await devices.getByRole('radio', { name: /Automatic/ }).press('ArrowDown');
  const file = join(home, 'settings.json');
  await expect.poll(() => readFileSync(file, 'utf8'), { timeout: 5000 }).toContain('"device": "cpu"');
  await page.reload();
  const processor = devices.getByRole('radio', { name: /^Processor/ });
  await processor.waitFor();
  await expect.poll(() => processor.isChecked()).toBe(true);
});

test.skipIf(chromiumProgram === undefined || !hasVulkan())(
  'a device is tried, says what is wrong, is tried again, and can then be picked',
  async () => {
    const region = page.getByRole('region', { name: 'Device' });
    const device = region.locator('label').filter({ has: page.locator('code', { hasText: 'webgpu' }) });
    await device.getByText('Not tried yet', { exact: true }).waitFor();
    await region.getByText('CUDA support is not installed').waitFor();
    expect(await device.getByRole('radio').isDisabled()).toBe(true);

    const hanging = Promise.withResolvers<unknown>();
    trial = () => hanging.promise;
    await region.getByRole('button', { name: 'Try now' }).click();
    await region.getByText('Trying Card (WebGPU)').waitFor();
    hanging.reject(new Error('it ended with SIGSEGV'));
    await device.getByText('Fails', { exact: true }).waitFor();
    await device.getByText('it ended with SIGSEGV').waitFor();
    await region.getByText(/^Takes cpu/).waitFor();
    expect(await axeProblems(page)).toEqual([]);

    const speed = { check: 'speed', passed: true, detail: '', ms: 1, speedup: 14 };
    trial = () => Promise.resolve([{ check: 'open', passed: true, detail: '', ms: 1 }, speed]);
    await region.getByRole('button', { name: 'Try again' }).click();
    await device.getByText('Works', { exact: true }).waitFor();
    await region.getByText(/^Takes webgpu: Card \(WebGPU\).*14 times as fast/).waitFor();
    await device.getByRole('radio').check();
    await expect.poll(() => app.settings.read().device).toBe('webgpu');
    await region.getByRole('radio', { name: /^Processor/ }).check();
    await expect.poll(() => app.settings.read().device).toBe('cpu');
  },
);

test.skipIf(chromiumProgram === undefined)('the cache is emptied after a decision', async () => {
  const storage = page.getByRole('region', { name: 'Storage' });
  const cache = storage.getByRole('row', { name: /^Cache/ });
  await expect.poll(() => cache.innerText()).toContain('2 MB');
  await storage.getByRole('button', { name: 'Empty the cache' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Empty the cache' }).click();
  await expect.poll(() => cache.innerText()).toMatch(/\b0 B/);
  expect(readdirSync(app.home.cache)).toEqual([]);
});

test.skipIf(chromiumProgram === undefined)('a report is written, and no file of the home has a token', async () => {
  await page.getByRole('button', { name: 'Write a report' }).click();
  const written = page.getByRole('region', { name: 'Diagnostics' }).getByRole('status');
  await expect.poll(() => written.innerText(), { timeout: 20_000 }).toContain('.txt');
  const [file = ''] = readdirSync(app.home.diagnostics);
  expect(await written.innerText()).toContain(join(app.home.diagnostics, file));
  expect(readFileSync(join(app.home.diagnostics, file), 'utf8')).toMatch(/"HF_TOKEN": "keychain"/);
  const everything = everyByte();
  expect(everything).toContain('"device": "cpu"');
  for (const value of [token, 'a key of Comet']) expect(everything).not.toContain(value);
});

test.skipIf(chromiumProgram === undefined)('a theme is kept, and both are without a barrier', async () => {
  const theme = page.getByRole('radiogroup', { name: 'Theme' });
  await theme.getByText('Dark').click();
  await page.reload();
  await page.getByText('Needs COMET_API_KEY').waitFor({ state: 'detached' });
  await page.getByText(/^(Takes|Not decided yet)/).waitFor();
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark');
  expect(await axeProblems(page)).toEqual([]);
  await theme.getByText('Light').click();
  expect(await axeProblems(page)).toEqual([]);
  // Only the screen scrolls, not the window around it.
  expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBe(700);
  expect(complaints).toEqual([]);
});
