// What a run says on the terminal, or, with --json, as one object per line on stdout with everything else on stderr.
import type { JobRecord } from '../../../preload/contract.ts';
import type { RunEnd, RunSession } from '../../app/follow-run.ts';
import { metricWords } from './metric-words.ts';
import { tryIt } from './command-lines.ts';
import { durationText, numberText, wholeText } from './numbers.ts';
import { errorText, gathering, terminalOn, type Sink, type Terminal } from './terminal.ts';

export type RunReport = {
  onRecord(record: JobRecord): void;
  /** Something to say that is no result. */
  note(text: string): void;
  started(session: RunSession): void;
  ended(session: RunSession, end: RunEnd): void;
};

/** Reports to `stdout` and `stderr`; with `json`, only the rows of the run go to `stdout`. */
export function runReport({ json, ...streams }: { stdout: Sink; stderr: Sink; json: boolean }): RunReport {
  const [stdout, stderr] = [gathering(streams.stdout), gathering(streams.stderr)];
  const flush = (): void => {
    stdout.flush();
    stderr.flush();
  };
  const terminal = terminalOn(json ? stderr : stdout);
  const row = (values: object): void => {
    if (json) stdout.write(`${JSON.stringify(values)}\n`);
  };
  const progress = progressLines(terminal);
  return {
    note(text) {
      terminal.line(text);
      flush();
    },
    started({ runId }) {
      terminal.line(`Run ${runId}`);
      flush();
    },
    onRecord(record) {
      if (record.type === 'step' && record.metrics !== undefined) row({ step: record.step, ...record.metrics });
      if (record.type === 'evaluation') row({ step: record.step, ...record.metrics });
      if (record.type === 'sample') {
        const { step, index, prompt, text } = record;
        row({ event: 'sample', step, index, prompt, text });
      }
      progress(record);
    },
    ended({ runId, template }, { status, outputDir, error, lastStep, checkpoint, refused }) {
      terminal.clear();
      row({ event: 'end', status, run: runId, output_dir: outputDir, ...(error && { error }) });
      if (error !== undefined) {
        stderr.write(`${errorText(error)}\n`);
        if (status === 'failed' && !refused) stderr.write(`${afterFailure(runId, checkpoint?.step)}\n`);
      } else if (status === 'completed') {
        terminal.line(`Completed after ${wholeText(lastStep)} steps. Adapter: ${outputDir}`);
        terminal.line(tryIt(runId, template));
      } else {
        const saved = checkpoint === undefined ? '' : ` Saved: ${checkpoint.path}`;
        terminal.line(`Stopped after ${wholeText(lastStep)} steps.${saved}`);
        terminal.line(`Continue: lorelei resume ${runId}`);
      }
      flush();
    },
  };
}

/** Turns records into lines: a live line where there is a terminal, a line per logged row elsewhere. */
function progressLines(terminal: Terminal): (record: JobRecord) => void {
  let [totalSteps, startStep, startedAt, phase] = [0, 0, 0, ''];
  const stepOf = (step: number): string => `step ${wholeText(step)}/${wholeText(totalSteps)}`;
  const remaining = (step: number): string => {
    const msPerStep = (performance.now() - startedAt) / Math.max(1, step - startStep);
    return durationText(msPerStep * (totalSteps - step));
  };
  return (record) => {
    switch (record.type) {
      case 'progress': {
        const share =
          record.total === undefined
            ? wholeText(record.done)
            : `${Math.floor((100 * record.done) / Math.max(1, record.total))} %`;
        terminal.live(`${record.phase} … ${share}`);
        if (!terminal.isLive && record.phase !== phase) terminal.line(`${record.phase} …`);
        ({ phase } = record);
        break;
      }
      case 'start':
        ({ totalSteps, startStep } = record);
        startedAt = performance.now();
        terminal.line(
          startStep > 0
            ? `Training, from step ${startStep} to ${totalSteps}`
            : `Training, ${wholeText(totalSteps)} steps`,
        );
        break;
      case 'step': {
        const pace = `${wholeText(record.tokensPerSecond)} tokens/s  ${remaining(record.step)} left`;
        if (terminal.isLive) {
          terminal.live(`${stepOf(record.step)}  loss ${numberText(record.loss)}  ${pace}`);
        } else if (record.metrics !== undefined) {
          terminal.line(`${stepOf(record.step)}  ${metricWords(record.metrics)}  ${pace}`);
        }
        break;
      }
      case 'evaluation':
        terminal.line(`${stepOf(record.step)}  ${metricWords(record.metrics)}`);
        break;
      case 'sample':
        terminal.line(`${stepOf(record.step)}  sample ${record.index + 1}: ${oneLine(record.text)}`);
        break;
      case 'checkpoint':
        terminal.line(`${stepOf(record.step)}  saved ${record.path}`);
        break;
      case 'event':
        terminal.line(record.level === 'info' ? record.message : `${record.level}: ${record.message}`);
        break;
      case 'device':
      case 'checkpoint-removed':
      case 'end':
        break;
    }
  };
}

/** The beginning of an answer, line ends shown. */
function oneLine(text: string): string {
  const line = text.trim().replaceAll(/\s*\n\s*/g, ' ⏎ ');
  return line.length > sampleWidth ? `${line.slice(0, sampleWidth - 1)}…` : line;
}

const sampleWidth = 160;

function afterFailure(runId: string, step: number | undefined): string {
  const resume = step === undefined ? '' : `, and lorelei resume ${runId} continues from step ${step}`;
  return `lorelei show ${runId} tells what happened${resume}.`;
}
