// Exports a run with its progress on a terminal; Ctrl-C ends it and leaves nothing behind.
import type { App } from '../../app/app.ts';
import { type ExportRequest, exportRun } from '../../app/export-run.ts';
import { UserError } from '../../errors.ts';
import { print } from './command-parts.ts';
import { terminalOn } from './terminal.ts';

export async function exportOnTerminal(app: App, request: ExportRequest): Promise<void> {
  const terminal = terminalOn(process.stderr);
  const stopping = new AbortController();
  const onSignal = (): void => {
    stopping.abort(
      new UserError({
        code: 'export-stopped',
        message: 'The export was stopped; nothing was written.',
        fix: 'Run the command again to export it.',
      }),
    );
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  try {
    const { run, step, outputDir, warnings } = await exportRun(app, request, {
      onProgress: ({ done, total }) => {
        terminal.live(`Writing … ${Math.floor((100 * done) / Math.max(1, total))} %`);
      },
      signal: stopping.signal,
    });
    for (const warning of warnings) terminal.line(`Warning: ${warning}`);
    terminal.clear();
    print([`Exported ${run} at step ${step} to ${outputDir}`]);
  } finally {
    terminal.clear();
    for (const signal of signals) process.off(signal, onSignal);
  }
}
