// Turns a GGUF file into what can be loaded, with its progress on a terminal; Ctrl-C ends it and leaves nothing behind.
import { basename } from 'node:path';
import type { App } from '../../app/app.ts';
import { ggufAt, readyModel } from '../../checkpoints/gguf/ready-model.ts';
import { UserError } from '../../errors.ts';
import type { WithApp } from './command-parts.ts';
import { byteText, progressText } from './numbers.ts';
import { untilStopped } from './stop-signals.ts';
import { terminalOn } from './terminal.ts';

/** The folder to load a model from. Opens the home folder only for a GGUF file. */
export async function readyOnTerminal(withApp: WithApp, path: string): Promise<string> {
  const file = ggufAt(path);
  return file === undefined ? path : withApp((app) => converted(app, file));
}

async function converted({ home }: App, file: string): Promise<string> {
  const terminal = terminalOn(process.stderr);
  let bytes = 0;
  try {
    const folder = await untilStopped(
      () => stopped(file),
      (signal) =>
        readyModel(file, home.cache, {
          signal,
          onProgress(progress) {
            bytes = progress.total;
            terminal.live(progressText(`Converting ${basename(file)}`, progress));
          },
        }),
    );
    if (bytes > 0) terminal.line(`Converted ${basename(file)} (${byteText(bytes)}) into the cache: ${folder}`);
    return folder;
  } finally {
    terminal.clear();
  }
}

const stopped = (file: string): UserError =>
  new UserError({
    code: 'conversion-stopped',
    message: `The conversion of ${file} was stopped. Nothing of it was left.`,
    fix: 'Run the command again: it begins anew.',
  });
