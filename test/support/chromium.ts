// A browser of the machine, driven by playwright-core: tests of the window need one, and skip with a word without it.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext } from 'playwright-core';

const candidates = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** Path of a Chromium or Chrome, undefined where none was found. CHROMIUM names another. */
export const chromiumProgram = candidates.find((path) => existsSync(path));

if (chromiumProgram === undefined) {
  console.warn('skipping tests of the window: install Chromium ("apt-get install chromium") or name it in CHROMIUM');
}

/** A browser with nothing of its user's; `close` ends it and removes its profile. */
export async function openChromium(): Promise<{ context: BrowserContext; close: () => Promise<void> }> {
  const profile = mkdtempSync(join(tmpdir(), 'lorelei-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    ...(chromiumProgram !== undefined && { executablePath: chromiumProgram }),
    viewport: { width: 1200, height: 800 },
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
