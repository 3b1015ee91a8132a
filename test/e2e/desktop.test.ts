// The built desktop program in its double of Electron: main process, preload and page together, over IPC.
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { chromiumProgram, openChromium, type Chromium } from '../support/chromium.ts';
import { Desktop } from '../support/desktop.ts';
import { seedHome, type SeededHome } from '../support/seed-history.ts';
import { walkThroughHistory, watchComplaints } from '../support/window-scenario.ts';

let home: SeededHome;
let browser: Chromium;
let desktop: Desktop;

beforeEach(async (context) => {
  if (chromiumProgram === undefined) return context.skip();
  home = seedHome();
  browser = await openChromium();
});

afterEach(async () => {
  if (chromiumProgram === undefined) return;
  await desktop.kill();
  await browser.close();
  home.history.close();
  rmSync(home.folder, { recursive: true, force: true });
});

test('a person looks through the history', async () => {
  const opened = browser.context.waitForEvent('page');
  desktop = new Desktop(home.folder, browser);
  const page = await opened;
  const complaints = watchComplaints(page);
  await walkThroughHistory(page, home, 'desktop');
  expect(complaints).toEqual([]);

  // The page's policy holds: a script that is not the page's own does not run.
  const ran = await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'globalThis.foreignScriptRan = true';
    document.body.append(script);
    return 'foreignScriptRan' in globalThis;
  });
  expect(ran).toBe(false);

  // A frame of another origin gets no answer, a frame of our own neither.
  const askedFromAFrame = await page.evaluate(async () => {
    const frame = document.createElement('iframe');
    document.body.append(frame);
    const inside = frame.contentWindow as unknown as { __invoke?(c: string, r: unknown): Promise<unknown> };
    return inside.__invoke?.('rpc', { command: 'runs.list', input: {} }).then(
      () => 'answered',
      (error: unknown) => String(error),
    );
  });
  expect(askedFromAFrame).toContain('refused a request');
  await page.goto('about:blank');
  const refused = await page.evaluate(() =>
    (globalThis as unknown as { __invoke(channel: string, request: unknown): Promise<unknown> })
      .__invoke('rpc', { command: 'runs.list', input: {} })
      .then(() => 'answered')
      .catch((error: unknown) => String(error)),
  );
  expect(refused).toContain('refused a request from about:blank');
});
