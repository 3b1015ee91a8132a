// Answers what components ask, as the program does, for tests in a browser: they see the real recipe keys and the real
// reading of files. The home is a folder of its own that is emptied when the tests end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserCommand } from 'vitest/node';
import type { App } from '../../main/app/app.ts';

const home = mkdtempSync(join(tmpdir(), 'lorelei-components-'));
process.once('exit', () => rmSync(home, { recursive: true, force: true }));
let opened: Promise<{ app: App; answer: (app: App, request: unknown) => Promise<unknown> }> | undefined;

/** In the process of the test runner; `request` is {command, input}. */
export const answerInHost: BrowserCommand<[request: unknown]> = async (_context, request) => {
  opened ??= openHost();
  const { app, answer } = await opened;
  return answer(app, request);
};

async function openHost() {
  // Not before a test asks: other tests are configured by the same file.
  const [{ openApp }, { answer }, { forkedErrands }] = await Promise.all([
    import('../../main/app/app.ts'),
    import('../../main/app/answer.ts'),
    import('../../main/hosts/cli/fork-errand.ts'),
  ]);
  const launchJob = (): never => {
    throw new Error('no runs here');
  };
  return { app: openApp({ launchJob, ...forkedErrands(home) }, home), answer };
}

/** Writes a file that the program can read, and gives its path. */
export const fileInHost: BrowserCommand<[name: string, content: string]> = (_context, name, content) => {
  const path = join(home, name);
  writeFileSync(path, content);
  return path;
};
