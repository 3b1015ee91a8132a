// From first launch to an exported adapter, as a stranger goes: in a browser at `lorelei serve`, with a stop and a reload
// on the way, and in the desktop program straight through.
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { barriers } from '../support/barriers.ts';
import { Desktop } from '../support/desktop.ts';
import { startServe } from '../support/serve-process.ts';
import { tellTheStory } from '../support/story.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { watchComplaints } from '../support/window-scenario.ts';

/** Much more than it takes: a busy machine is slow. */
const LIMIT_MS = 600_000;

const folder = tempFolder();
let browser: Chromium;

beforeAll(async () => {
  if (chromiumProgram !== undefined) browser = await openChromium();
});
afterAll(async () => {
  if (chromiumProgram !== undefined) await browser.close();
});

test.skipIf(chromiumProgram === undefined)(
  'in a browser: with a stop, a reload and a resume',
  async () => {
    const home = join(folder.path, 'serve');
    const served = await startServe(home);
    const page = await browser.context.newPage();
    try {
      const complaints = watchComplaints(page);
      await page.setViewportSize({ width: 1024, height: 700 });
      await page.goto(served.link());
      const inspect = async (name: string): Promise<void> => {
        if (name !== 'training') expect(await barriers(page), name).toEqual([]);
      };
      await tellTheStory({ host: 'serve', page, home, inspect, stopsOnTheWay: true });
      await itIsNotForced(page);
      await aDraftComesBack(page);
      expect(complaints).toEqual([]);
    } finally {
      await page.close();
      await served.stop();
    }
  },
  LIMIT_MS,
);

/** Who has runs sees nothing of the tour, unless they ask for it. */
async function itIsNotForced(page: Page): Promise<void> {
  const tour = page.getByRole('region', { name: 'Tour', exact: true });
  await page.getByRole('link', { name: 'Runs', exact: true }).first().click();
  await page.reload();
  await page.locator('.run-row').first().waitFor();
  expect(await tour.count()).toBe(0);
  expect(await page.getByRole('button', { name: 'Teach the starter model' }).count()).toBe(0);
}

/** The tour again, from the palette and from Settings; what was in the wizard before comes back. */
async function aDraftComesBack(page: Page): Promise<void> {
  const tour = page.getByRole('region', { name: 'Tour', exact: true });
  await page.getByRole('link', { name: 'New run', exact: true }).first().click();
  await page.getByText('Lorelei starter model').click();
  await page.getByRole('link', { name: '2 Data', exact: true }).waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog', { name: 'Command palette' }).locator('input:focus').waitFor();
  await page.keyboard.type('take the tour');
  await page.keyboard.press('Enter');
  await tour.getByText('A model to teach').waitFor();
  await page.getByRole('link', { name: /Data sft\.jsonl/ }).waitFor();

  // Elsewhere it waits, and there it can be left, too.
  await page.getByRole('link', { name: 'Settings', exact: true }).first().click();
  await tour.getByText('You have gone elsewhere').waitFor();
  await tour.getByRole('link', { name: 'Back to the tour' }).click();
  await tour.getByText('A model to teach').waitFor();
  await tour.getByRole('button', { name: 'Leave the tour' }).press('Enter');
  await page.getByText('New run has your own draft again.').waitFor();
  await expect.poll(() => page.getByRole('link', { name: /sft\.jsonl/ }).count()).toBe(0);
}

test.skipIf(chromiumProgram === undefined)(
  'in the desktop program: straight through',
  async () => {
    const home = join(folder.path, 'desktop');
    const opened = browser.context.waitForEvent('page');
    const desktop = new Desktop(home, browser);
    try {
      const page = await opened;
      const complaints = watchComplaints(page);
      await page.setViewportSize({ width: 1280, height: 800 });
      await tellTheStory({ host: 'desktop', page, home });
      expect(complaints).toEqual([]);
    } finally {
      await desktop.kill();
    }
  },
  LIMIT_MS,
);
