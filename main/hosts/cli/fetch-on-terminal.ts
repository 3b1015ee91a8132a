// Brings a model or an adapter from the Hub with its progress on a terminal; Ctrl-C ends it, and what came is kept.
import type { App } from '../../app/app.ts';
import { cachedFolder, fetchFromHub, isHubId, type FetchFromHub, type HubPart } from '../../app/hub-folder.ts';
import { UserError } from '../../errors.ts';
import type { WithApp } from './command-parts.ts';
import { byteText, progressText } from './numbers.ts';
import { untilStopped } from './stop-signals.ts';
import { terminalOn } from './terminal.ts';

export function fetchingOnTerminal(app: App): FetchFromHub {
  return async (id, part) => {
    const terminal = terminalOn(process.stderr);
    let bytes = 0;
    try {
      const folder = await untilStopped(
        () => stopped(id),
        (signal) =>
          fetchFromHub(app, id, part, {
            signal,
            onBytes(progress) {
              bytes = progress.total;
              terminal.live(progressText(`Downloading ${id}`, progress));
            },
          }),
      );
      terminal.line(`Downloaded ${id} (${byteText(bytes)}) into the Hugging Face cache.`);
      return folder;
    } finally {
      terminal.clear();
    }
  };
}

/** The folder that --model or --adapter means: itself, or of the Hub where it names no folder. */
export async function folderAsked(withApp: WithApp, value: string, part: HubPart): Promise<string> {
  const from = process.cwd();
  if (!isHubId(value, from)) return value;
  return cachedFolder(value, from, part) ?? withApp((app) => fetchingOnTerminal(app)(value, part));
}

const stopped = (id: string): UserError =>
  new UserError({
    code: 'download-stopped',
    message: `The download of ${id} was stopped.`,
    fix: 'Run the command again: it goes on with what came.',
  });
