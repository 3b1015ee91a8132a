// An export to the Hugging Face Hub from the desktop's window: the token is entered where it is missed, lies encrypted on
// the disk, and reaches the process that uploads to a Hub on this machine.
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { Desktop } from '../support/desktop.ts';
import { inHome, writeExportableRun } from '../support/exportable-run.ts';
import { hubStub, type HubStub } from '../support/hub-stub.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { axeProblems, watchComplaints } from '../support/window-scenario.ts';

const folder = tempFolder().path;
const home = join(folder, 'home');
const token = 'hf_ada_TokenOfTheRiver';
let hub: HubStub;
let browser: Chromium;
let desktop: Desktop;

beforeEach(async (context) => {
  if (chromiumProgram === undefined) return context.skip();
  writeExportableRun(folder, 'Sailor talk');
  hub = await hubStub([]);
  hub.writes.accounts[token] = { name: 'ada', role: 'write', orgs: ['river'] };
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_TOKEN', '');
  vi.stubEnv('LORELEI_TEST_KEYCHAIN', '1');
  browser = await openChromium();
});

afterEach(async () => {
  if (chromiumProgram === undefined) return;
  await desktop.kill();
  await browser.close();
  await hub.close();
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

/** Accessible, not wider than the smallest window, and a picture of it to look at. */
async function inspect(page: Page, name: string): Promise<void> {
  mkdirSync('test-output/screenshots', { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await axeProblems(page), `${name}, ${colorScheme}`).toEqual([]);
    await page.screenshot({ path: `test-output/screenshots/${name}-${colorScheme}.png` });
  }
  const overflow = await page.evaluate(() => {
    const main = document.querySelector('main');
    return main === null ? 0 : main.scrollWidth - main.clientWidth;
  });
  expect(overflow, name).toBe(0);
}

test('an adapter goes to a new repository, and a public one is not written to by mistake', async () => {
  const opened = browser.context.waitForEvent('page');
  desktop = new Desktop(home, browser);
  const page = await opened;
  const complaints = watchComplaints(page);
  await page.setViewportSize({ width: 1024, height: 700 });
  await page.getByRole('link', { name: 'Sailor talk' }).click();
  await page.getByRole('link', { name: 'Checkpoints and exports' }).click();
  await page.getByRole('link', { name: 'Export step 4', exact: true }).click();
  await page.getByRole('radio', { name: 'Hugging Face Hub' }).check({ force: true });

  // No token: it is asked for here.
  await page.getByText('needs a token').waitFor();
  await inspect(page, 'hub-no-token');
  await page.getByRole('button', { name: 'Enter a token' }).click();
  await page.getByLabel('Value').fill(token);
  await page.getByRole('button', { name: 'Keep it' }).click();
  const repository = page.getByRole('textbox', { name: 'Repository' });
  await repository.waitFor();
  expect(await repository.inputValue()).toBe('ada/sailor-talk');
  await page.getByText('A new repository is made.').waitFor();
  await inspect(page, 'hub-target');

  // What cannot be a name, and what everybody sees.
  const upload = page.getByRole('button', { name: 'Upload', exact: true });
  await repository.fill('ada/sailor talk');
  await page.getByText('the name has " " in it').waitFor();
  expect(await upload.isDisabled()).toBe(true);
  hub.repos.push({ id: 'ada/open', files: {} });
  await repository.fill('ada/open');
  await page.getByText('ada/open is public').waitFor();
  expect(await upload.isDisabled()).toBe(true);
  await inspect(page, 'hub-public');
  await page.getByRole('radio', { name: 'Public' }).check({ force: true });
  expect(await upload.isEnabled()).toBe(true);
  await page.getByRole('radio', { name: 'Private' }).check({ force: true });

  // Stopped on its way: nothing is committed.
  await repository.fill('ada/sailor-talk');
  await page.getByText('A new repository is made.').waitFor();
  hub.writes.pauseMs = 60_000;
  await upload.click();
  await page.getByRole('status').getByText('Uploading').waitFor();
  await page.getByText(/\d+ k?B of \d/).waitFor();
  await inspect(page, 'hub-uploading');
  // Closing the window would give it up, so that is asked first.
  desktop.does('close');
  const question = await desktop.sees('message');
  expect(question.options).toMatchObject({
    message: 'An upload to the Hugging Face Hub is under way.',
    buttons: ['Go on', 'Give up and quit'],
  });
  desktop.answer(question, 0);
  // It goes on while another screen is looked at.
  await page.goBack();
  await page.goForward();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await upload.waitFor();
  expect(hub.writes.commits).toEqual([]);
  hub.writes.pauseMs = 0;

  await page.getByText('It is there and private').waitFor();
  await page.getByLabel('Message of the commit').fill('Talks like a sailor');
  await upload.click();
  const done = page.getByRole('region', { name: 'Uploaded step 4' });
  await done.waitFor();
  expect(hub.writes.commits).toMatchObject([{ repo: 'ada/sailor-talk', title: 'Talks like a sailor' }]);
  expect(hub.repos.at(-1)).toMatchObject({ id: 'ada/sailor-talk', isPrivate: true });
  expect(await done.getByRole('region', { name: 'Commands for vLLM' }).innerText()).toContain(
    '--lora-modules sailor-talk=ada/sailor-talk',
  );
  await done.scrollIntoViewIfNeeded();
  await inspect(page, 'hub-uploaded');
  await done.getByRole('link', { name: 'Open the repository' }).click();
  expect((await desktop.sees('browser')).url).toBe(`${hub.url}/ada/sailor-talk`);
  await page.getByRole('region', { name: 'Exports', exact: true }).getByRole('link').waitFor();

  // Where the token is, and who does not read it there.
  await page.getByRole('link', { name: 'Settings' }).click();
  const tokens = page.getByRole('region', { name: 'Keys and tokens' });
  await tokens.getByText(/own store, encrypted .* lorelei secrets and lorelei serve keep their own/).waitFor();
  await tokens.getByText('Kept here, ends in iver').waitFor();
  await tokens.scrollIntoViewIfNeeded();
  await inspect(page, 'hub-settings');
  expect(complaints).toEqual([]);

  // The token is in no file as it is, nor anything of the upload.
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    expect(readFileSync(path).includes(token), path).toBe(false);
  }
  expect(readdirSync(join(home, 'cache/uploads'))).toEqual([]);

  // Nothing is under way any more: the window closes unasked.
  desktop.does('close');
  expect(await desktop.ended).toBe(0);
  inHome(folder, ({ history }) =>
    expect(history.exports.list('calm-otter')).toMatchObject([{ path: `${hub.url}/ada/sailor-talk` }]),
  );
});
