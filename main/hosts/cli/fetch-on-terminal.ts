// Brings a model or an adapter from the Hub with its progress on a terminal; Ctrl-C ends it, and what came is kept.
import type { App } from '../../app/app.ts';
import { cachedFolder, fetchFromHub, isHubId, type FetchFromHub, type HubPart } from '../../app/hub-folder.ts';
import { UserError } from '../../errors.ts';
import type { WithApp } from './command-parts.ts';
import { byteText } from './numbers.ts';
import { terminalOn } from './terminal.ts';

export function fetchingOnTerminal(app: App): FetchFromHub {
  return async (id, part) => {
    const terminal = terminalOn(process.stderr);
    const stopping = new AbortController();
    const onSignal = (): void => stopping.abort(stopped(id));
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, onSignal);
    let bytes = 0;
    try {
      const folder = await fetchFromHub(app, id, part, {
        signal: stopping.signal,
        onBytes({ done, total }) {
          bytes = total;
          const share = Math.floor((100 * done) / Math.max(1, total));
          terminal.live(`Downloading ${id} … ${share} % (${byteText(done)} of ${byteText(total)})`);
        },
      });
      terminal.line(`Downloaded ${id} (${byteText(bytes)}) into the Hugging Face cache.`);
      return folder;
    } finally {
      terminal.clear();
      for (const signal of signals) process.off(signal, onSignal);
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
