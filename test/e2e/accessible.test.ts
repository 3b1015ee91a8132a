// Every screen, and what opens on it, for people who go by keyboard or screen reader, in the smallest window: axe in both
// themes, nothing wider than the window, every control reached by Tab, and the focus in sight. Then the wizard by keys.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resourcePath } from '../../main/app/resources.ts';
import { barriers } from '../support/barriers.ts';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { seedHome, type SeededHome } from '../support/seed-history.ts';
import { startServe, type Served } from '../support/serve-process.ts';
import { tabProblems, tabTo } from '../support/tab-stops.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { watchComplaints } from '../support/window-scenario.ts';

let home: SeededHome;
let served: Served;
let browser: Chromium;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  if (chromiumProgram === undefined) return;
  home = seedHome();
  const values = {
    model_name_or_path: resourcePath('starter-model'),
    dataset_name: resourcePath('sample-data', 'sft.jsonl'),
  };
  writeFileSync(join(home.folder, 'draft.json'), JSON.stringify({ method: 'sft', preset: 'quick-try', values }));
  mkdirSync(join(home.folder, 'cache'), { recursive: true });
  writeFileSync(join(home.folder, 'cache', 'merged.bin'), 'x');
  served = await startServe(home.folder, { HF_HUB_CACHE: join(home.folder, 'hub'), HF_ENDPOINT: 'http://127.0.0.1:9' });
  browser = await openChromium();
  page = await browser.context.newPage();
  complaints = watchComplaints(page);
  await page.setViewportSize({ width: 1024, height: 700 });
  await page.goto(served.link());
  await page.evaluate(() => localStorage.setItem('lorelei-prompts', '["Who are you?"]'));
  await page.reload();
});

afterAll(async () => {
  if (chromiumProgram === undefined) return;
  await browser.close();
  await served.stop();
  home.history.close();
  rmSync(home.folder, { recursive: true, force: true });
});

const overlays = '[role="dialog"], [role="menu"], [role="listbox"]';

type Opened = { name: string; open: (page: Page) => Promise<void> };
type Visit = {
  address: string;
  /** Shown when the screen is whole. */
  ready: string;
  /** What opens there; Escape closes it. */
  opens?: Opened[];
};

const button = (name: string | RegExp): Opened => ({
  name: String(name),
  open: (at) => at.getByRole('button', { name }).first().click(),
});

const visits: Visit[] = [
  {
    address: '#/runs',
    ready: 'calm-otter',
    opens: [
      {
        name: 'name and tags',
        async open(at) {
          await at.getByRole('grid', { name: 'Runs' }).focus();
          await at.keyboard.press('e');
        },
      },
      { name: 'palette', open: (at) => at.keyboard.press('Control+k') },
      { name: 'keys', open: (at) => at.keyboard.press('?') },
    ],
  },
  { address: '#/runs/swift-trout', ready: 'Pause and save', opens: [button('More ways to stop')] },
  { address: '#/runs/calm-otter', ready: 'Drag over a chart to zoom', opens: [button(/^Take away: Loss/)] },
  { address: '#/runs/calm-otter/samples', ready: 'Who are you?' },
  { address: '#/runs/calm-otter/events', ready: '3 rows were cut' },
  { address: '#/runs/calm-otter/files', ready: 'checkpoint-150' },
  { address: '#/runs/calm-otter/recipe', ready: 'learning_rate' },
  { address: '#/runs/calm-otter/notes', ready: 'Notes' },
  { address: '#/runs/brave-heron', ready: 'The loss was NaN' },
  { address: '#/new/model', ready: 'Vocabulary', opens: [button('Browse')] },
  { address: '#/new/model?from=hub', ready: 'Hugging Face Hub' },
  { address: '#/new/data', ready: 'What the model learns' },
  { address: '#/new/settings', ready: 'It fits' },
  { address: '#/new/settings?view=all', ready: 'It fits' },
  { address: '#/new/settings?view=yaml', ready: 'It fits' },
  { address: '#/new/review', ready: 'The recipe as YAML' },
  { address: '#/compare?runs=calm-otter,brave-heron', ready: 'Where they stand' },
  {
    address: '#/try?run=calm-otter',
    ready: 'With the adapter',
    opens: [button('Last prompts'), { name: 'who answers', open: (at) => at.getByLabel('Who answers').click() }],
  },
  { address: '#/export/calm-otter', ready: 'are free there', opens: [button('Browse')] },
  { address: '#/settings', ready: 'Automatic', opens: [button('Empty the cache')] },
  { address: '#/nowhere', ready: 'There is nothing at this address.' },
];

describe.skipIf(chromiumProgram === undefined)('a screen without barriers', () => {
  test.each(visits)('$address', async ({ address, ready, opens = [] }) => {
    await page.goto(new URL(`/${address}`, page.url()).href);
    await page.getByText(ready).first().waitFor({ timeout: 30_000 });
    mkdirSync('test-output/screenshots', { recursive: true });
    const picture = address.replaceAll(/[^a-z]+/g, '-');
    await page.screenshot({ path: `test-output/screenshots/accessible${picture}.png` });
    expect(await barriers(page), address).toEqual([]);
    expect(await tabProblems(page), address).toEqual([]);
    for (const { name, open } of opens) {
      await open(page);
      const overlay = page.locator(overlays).last();
      await overlay.waitFor();
      await page.screenshot({ path: `test-output/screenshots/accessible${picture}-open.png` });
      expect(await barriers(page), `${address}, ${name}`).toEqual([]);
      await page.keyboard.press('Escape');
      await expect.poll(() => page.locator(overlays).count()).toBe(0);
    }
    expect(complaints.splice(0)).toEqual([]);
  });
});

test.skipIf(chromiumProgram === undefined)('a run is set up and started with keys alone', async () => {
  const empty = tempFolder();
  const fresh = await startServe(empty.path);
  const keys = await browser.context.newPage();
  try {
    await keys.setViewportSize({ width: 1024, height: 700 });
    await keys.goto(fresh.link());
    await keys.getByText('No runs yet.').waitFor();
    await tabTo(keys, /^New run$/);
    await keys.keyboard.press('Enter');
    await keys.getByText('Lorelei starter model').waitFor();
    await tabTo(keys, /^Lorelei starter model/);
    await keys.keyboard.press('Space');
    await keys.getByText('Can be trained here').waitFor();
    await tabTo(keys, /^Next: Data$/);
    await keys.keyboard.press('Enter');
    await keys.getByText('Sample conversations').waitFor();
    await tabTo(keys, /^Sample conversations/);
    await keys.keyboard.press('Enter');
    await keys.getByText('What the model learns').waitFor();
    await tabTo(keys, /^Next: Method and settings$/);
    await keys.keyboard.press('Enter');
    await tabTo(keys, /^TRL's defaults/);
    await keys.keyboard.press('ArrowDown'); // round to the first
    await expect.poll(() => keys.getByRole('radio', { name: /^Quick try/ }).isChecked()).toBe(true);
    await tabTo(keys, /^Steps$/);
    await keys.keyboard.press('Control+a');
    await keys.keyboard.type('3');
    await tabTo(keys, /^Next: Review and start$/);
    await keys.keyboard.press('Enter');
    await keys.getByText('3 steps of 8 rows a step').waitFor();
    await tabTo(keys, /^Start training$/);
    await keys.keyboard.press('Enter');
    await keys.waitForURL(/#\/runs\/[a-z]+-[a-z]+$/);
    await keys.locator('main .badge').getByText('Completed').waitFor({ timeout: 60_000 });
  } finally {
    await keys.close();
    await fresh.stop();
  }
});
