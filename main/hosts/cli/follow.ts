// Follows one run on the terminal: shows what it says, answers Ctrl-C, and turns its end into an exit code.
import type { JobRecord } from '../../../preload/contract.ts';
import type { RunEnd, RunSession } from '../../app/follow-run.ts';
import type { RunReport } from './run-report.ts';
import { hearStops } from './stop-signals.ts';

export const EXIT = { done: 0, failed: 1, requestWrong: 2 } as const;

/** A full disk is the machine's trouble, not the training's, also where it shows late. */
function exitCodeOf({ status, refused, error }: RunEnd): number {
  if (status === 'completed' || status === 'stopped') return EXIT.done;
  return refused || error?.code === 'disk-full' ? EXIT.requestWrong : EXIT.failed;
}

/** The first request stops after the current step, the second ends the job at once. */
function answerSignals(session: RunSession, report: RunReport): () => void {
  let asked = false;
  const onSignal = (): void => {
    if (asked) {
      report.note('Ending at once.');
      session.kill();
    } else {
      report.note('Stopping after the current step and saving. Press Ctrl-C again to end at once.');
      session.stop();
    }
    asked = true;
  };
  return hearStops(onSignal);
}

/** Starts a run, follows it to its end and returns the exit code. */
export async function followOnTerminal(
  start: (onRecord: (record: JobRecord) => void) => RunSession | Promise<RunSession>,
  report: RunReport,
): Promise<number> {
  const session = await start((record) => {
    report.onRecord(record);
  });
  const ignoreSignals = answerSignals(session, report);
  report.started(session);
  try {
    const end = await session.ended;
    report.ended(session, end);
    return exitCodeOf(end);
  } finally {
    ignoreSignals();
  }
}
