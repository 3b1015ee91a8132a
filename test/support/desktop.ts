// The built desktop program in its double of Electron, and the person and system around it: what appears on the screen
// besides the page, and what they do.
import { fork, type ChildProcess } from 'node:child_process';
import type { Page } from 'playwright-core';
import { vi } from 'vitest';
import type { CommandInput, CommandName, CommandOutput, CommandResult } from '../../preload/contract.ts';
import type { Chromium } from './chromium.ts';

/** Something beside the page: a dialog, a notice, the tray. */
export type Shown = { what: string; id?: number; index?: number; title?: string; url?: string } & Record<
  string,
  unknown
>;

export class Desktop {
  readonly shown: Shown[] = [];
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor(home: string, browser: Chromium) {
    this.#child = fork('out/main/electron.js', [], {
      execArgv: ['--import', './test/support/electron-double.mjs'],
      env: { ...process.env, LORELEI_HOME: home, LORELEI_TEST_BROWSER: browser.endpoint },
    });
    this.#child.on('message', (message: Shown) => this.shown.push(message));
    this.ended = new Promise((resolve) => this.#child.once('exit', (code) => resolve(code)));
  }

  does(action: string, details: Record<string, unknown> = {}): void {
    this.#child.send({ does: action, ...details });
  }

  answer({ id }: Shown, value: unknown): void {
    this.does('answer', { id, value });
  }

  /** The first thing of this kind that appears and was not yet looked at. */
  async sees(what: string): Promise<Shown> {
    const isIt = (one: Shown): boolean => one.what === what;
    await vi.waitUntil(() => this.shown.some(isIt), { timeout: 60_000, interval: 20 });
    const [found] = this.shown.splice(this.shown.findIndex(isIt), 1);
    if (!found) throw new Error('it is gone again');
    return found;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}

/** Asks the program as the page does. */
export async function callFrom<C extends CommandName>(
  page: Page,
  command: C,
  input: CommandInput<C>,
): Promise<CommandOutput<C>> {
  const result = await page.evaluate(([name, given]) => (window.lorelei as unknown as Untyped).call(name, given), [
    command,
    input as unknown,
  ] as const);
  if (!result.ok) throw Object.assign(new Error(result.error.message), result.error);
  return result.value as CommandOutput<C>;
}

/** Playwright's types do not follow the contract's. */
type Untyped = { call(command: string, input: unknown): Promise<CommandResult<unknown>> };
