// The built program and its window, the same for every host that shows it: `lorelei serve` in a browser, and the desktop
// program in its double of Electron.
import { execFileSync } from 'node:child_process';
import type { Page } from 'playwright-core';
import type { CommandInput, CommandName, CommandOutput, CommandResult } from '../../preload/contract.ts';
import type { Chromium } from './chromium.ts';
import { Desktop } from './desktop.ts';
import { startServe } from './serve-process.ts';

export type OpenWindow = {
  page: Page;
  /** Ends the process of the run that trains, as the system does when memory is short. */
  killJob(): void;
  /** Ends the program and its window. */
  close(): Promise<void>;
};

export const windowHosts = { serve: openServed, desktop: openDesktop };

async function openServed(home: string, { context }: Chromium): Promise<OpenWindow> {
  const served = await startServe(home, { LORELEI_KEYCHAIN: 'off' });
  const page = await context.newPage();
  await page.goto(served.link());
  return {
    page,
    killJob() {
      const found = execFileSync('pgrep', ['-P', String(served.pid), '-f', 'worker'])
        .toString()
        .trim();
      process.kill(Number(found), 'SIGKILL');
    },
    async close() {
      await page.close();
      await served.stop();
    },
  };
}

async function openDesktop(home: string, browser: Chromium): Promise<OpenWindow> {
  const opened = browser.context.waitForEvent('page');
  const desktop = new Desktop(home, browser);
  const page = await opened;
  await page.locator('main').waitFor();
  return {
    page,
    killJob: () => desktop.does('killJob'),
    async close() {
      desktop.does('quit');
      await desktop.ended;
    },
  };
}

/** Goes to a screen of the window, "#/runs". */
export async function goTo(page: Page, screen: string): Promise<void> {
  await page.evaluate((hash) => (location.hash = hash), screen);
}

/** Asks the program as the page of this host does. Throws what it refuses with. */
export async function ask<C extends CommandName>(
  page: Page,
  command: C,
  input: CommandInput<C>,
): Promise<CommandOutput<C>> {
  const result = await page.evaluate(
    async (request: { command: string; input: unknown }) => {
      const bridge = window.lorelei as undefined | { call(command: string, input: unknown): Promise<unknown> };
      if (bridge) return (await bridge.call(request.command, request.input)) as CommandResult<unknown>;
      const headers = { 'content-type': 'application/json' };
      const response = await fetch('rpc', { method: 'POST', headers, body: JSON.stringify(request) });
      return (await response.json()) as CommandResult<unknown>;
    },
    { command, input },
  );
  if (!result.ok) throw Object.assign(new Error(result.error.message), result.error);
  return result.value as CommandOutput<C>;
}
