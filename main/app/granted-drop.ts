// Files and folders that were dropped on the desktop app's window, as its preload tells them: the person's hand put them
// there, so they may be used.
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { CommandResult } from '../../preload/contract.ts';
import { UserError } from '../errors.ts';
import type { App } from './app.ts';

/** The preload names a file that has no path, one that a page made up, "". */
const dropped = z.array(z.string()).max(10_000);

export function grantDropped({ grants }: App, told: unknown): CommandResult<{ paths: string[] }> {
  try {
    const paths = dropped
      .catch([])
      .parse(told)
      .filter((path) => isAbsolute(path));
    if (paths.length === 0) throw nothingDropped();
    grants.grant(paths);
    return { ok: true, value: { paths } };
  } catch (error) {
    if (error instanceof UserError) return { ok: false, error: error.toWindow() };
    throw error;
  }
}

const nothingDropped = (): UserError =>
  new UserError({
    code: 'nothing-dropped',
    message: 'What was dropped is no file or folder of this machine.',
    fix: 'Drop it from the file manager, or pick it with Browse.',
  });
