// A browser of the machine, driven by playwright-core: tests of the window need one, and skip without it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { chromium, type BrowserContext } from 'playwright-core';
import { messageOf } from '../../main/errors.ts';
import { findBrowser } from './browser-program.ts';

/** Path of a browser, undefined where none was found. */
export const chromiumProgram = findBrowser();

/** What it is started with, headless and without its user's things. */
export const chromiumFlags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-port=0',
];

export type Chromium = {
  context: BrowserContext;
  /** Where another process can drive the same browser (DevTools protocol). */
  endpoint: string;
  /** Ends the browser and removes its profile. */
  close: () => Promise<void>;
};

/** Starts a browser that has nothing of its user's. One that does not answer is ended, and another one tried. */
export async function openChromium(): Promise<Chromium> {
  try {
    return await startChromium();
  } catch (error) {
    console.warn(`trying another browser: ${messageOf(error)}`);
    return startChromium();
  }
}

async function startChromium(): Promise<Chromium> {
  if (chromiumProgram === undefined) throw new Error('there is no Chromium here');
  const profile = mkdtempSync(join(tmpdir(), 'lorelei-chromium-'));
  const program = spawn(chromiumProgram, [...chromiumFlags, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => program.once('exit', resolve));
  async function end(): Promise<void> {
    program.kill('SIGKILL');
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
  try {
    const endpoint = await endpointOf(program.stderr);
    const browser = await chromium.connectOverCDP(endpoint, { timeout: 30_000 });
    const [context] = browser.contexts();
    if (!context) throw new Error('the browser has no context');
    return {
      context,
      endpoint,
      async close() {
        await browser.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** The address that Chromium prints when it is ready. What it says later is read too, so that it never blocks. */
function endpointOf(output: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines = createInterface(output);
    lines.on('line', (line) => {
      const endpoint = /^DevTools listening on (\S+)/.exec(line)?.[1];
      if (endpoint !== undefined) resolve(endpoint);
    });
    lines.once('close', () => reject(new Error('Chromium ended before it was ready')));
  });
}
