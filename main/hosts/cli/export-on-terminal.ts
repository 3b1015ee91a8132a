// Exports a run with its progress on a terminal, into a folder, to the Hub, or both; Ctrl-C ends it and leaves nothing
// behind.
import type { App } from '../../app/app.ts';
import type { ErrandHooks } from '../../app/errand.ts';
import { type ExportChoice, exportRun } from '../../app/export-run.ts';
import { exportToHub } from '../../app/export-to-hub.ts';
import { UserError } from '../../errors.ts';
import { print } from './command-parts.ts';
import { progressText } from './numbers.ts';
import { untilStopped } from './stop-signals.ts';
import { type Terminal, terminalOn } from './terminal.ts';

/** How the folder, and the wish to replace what is in it, are named here. */
const words = { folder: '--output-dir', overwrite: 'add --overwrite' };

export type TerminalExport = ExportChoice & {
  outputDir?: string | undefined;
  overwrite: boolean;
  /** Repository to upload to. */
  pushToHub?: string | undefined;
  isPublic: boolean;
  commitMessage?: string | undefined;
};

export async function exportOnTerminal(app: App, request: TerminalExport): Promise<void> {
  const { pushToHub, outputDir, overwrite, isPublic, commitMessage, ...choice } = request;
  if (pushToHub === undefined && outputDir === undefined) throw nowhere();
  const terminal = terminalOn(process.stderr);
  const onProgress = shownOn(terminal);
  try {
    await untilStopped(
      () => stopped(pushToHub),
      async (signal) => {
        const hooks = { onProgress, signal };
        if (pushToHub === undefined) {
          const exported = await exportRun(app, { ...choice, outputDir: outputDir ?? '', overwrite, words }, hooks);
          const { run, step, outputDir: folder } = exported;
          tell(terminal, exported.warnings, [`Exported ${run} at step ${step} to ${folder}`]);
          return;
        }
        const exported = await exportToHub(
          app,
          {
            ...choice,
            repo: pushToHub,
            isPrivate: !isPublic,
            message: commitMessage,
            kept: outputDir === undefined ? undefined : { outputDir, overwrite, words },
          },
          hooks,
        );
        const { run, step, url, isNew, isPrivate } = exported;
        if (isPublic && isPrivate) exported.warnings.push('The repository was private before and stays so.');
        tell(terminal, exported.warnings, [
          ...(outputDir === undefined ? [] : [`Exported ${run} at step ${step} to ${exported.outputDir}`]),
          `Uploaded ${run} at step ${step} to ${url} (${isPrivate ? 'private' : 'public'}${isNew ? ', a new repository' : ''})`,
        ]);
      },
    );
  } finally {
    terminal.clear();
  }
}

type Progress = { phase?: string; done: number; total?: number };

function shownOn(terminal: Terminal): (progress: Progress) => void {
  return ({ phase = 'Writing', done, total = 0 }: Parameters<ErrandHooks['onProgress']>[0] | Progress) => {
    terminal.live(progressText(phase, { done, total }));
  };
}

function tell(terminal: Terminal, warnings: readonly string[], lines: readonly string[]): void {
  terminal.clear();
  for (const warning of warnings) terminal.line(`Warning: ${warning}`);
  print(lines);
}

const stopped = (repo: string | undefined): UserError =>
  new UserError(
    repo === undefined
      ? {
          code: 'export-stopped',
          message: 'The export was stopped; nothing was written.',
          fix: 'Run the command again to export it.',
        }
      : {
          code: 'export-stopped',
          message: `The export was stopped; ${repo} on the Hub holds what it held before.`,
          fix: 'Run the command again to upload it: large files that have arrived are not sent a second time.',
        },
  );

const nowhere = (): UserError =>
  new UserError({
    code: 'export-nowhere',
    message: 'The export has nowhere to go: neither --output-dir nor --push-to-hub is given.',
    fix: 'Give --output-dir a folder, or --push-to-hub the name of a repository on the Hugging Face Hub.',
  });
