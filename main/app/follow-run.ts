// Follows a job from its start to its end: launches the process, records what it says, hears requests to stop from
// other terminals, and settles the run when the process is gone, however it went.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { JobRecord, Metrics, RunStatus } from '../../preload/contract.ts';
import { UserError, type ErrorDetails } from '../errors.ts';
import type { StoredCheckpoint } from '../store/journal.ts';
import type { StoredRun } from '../store/runs.ts';
import { runFolder, type App } from './app.ts';
import { stopRequestFile, type JobSpec } from '../training/job.ts';
import { busyDevices } from './busy-devices.ts';
import { GpuWatch } from './gpu-watch.ts';
import { type KeptGoing, launchWithinMemory, momentOf, originOf } from './launch-within-memory.ts';
import { knownProcess } from './process-identity.ts';
import { createRecorder } from './recorder.ts';
import { sendQueued } from './send-queued.ts';
import { createRunReporter } from './track-run.ts';

const STOP_POLL_MS = 500;

/** The code of errors that are no fault of the request. */
const INTERNAL = 'internal';

export type RunEnd = {
  status: Extract<RunStatus, 'completed' | 'stopped' | 'failed' | 'interrupted'>;
  outputDir: string;
  /** Steps done when it ended. */
  lastStep: number;
  /** Where it can be resumed from. */
  checkpoint?: StoredCheckpoint;
  metrics: Metrics;
  /** Present when failed or interrupted. */
  error?: ErrorDetails;
  /** True when it failed before the first step through no fault of ours. Of a new run nothing is kept then. */
  refused: boolean;
};

export type RunSession = {
  runId: string;
  /** How its rows became text: the recipe's template. */
  template: JobSpec['recipe']['template'];
  outputDir: string;
  /** Stops after the current step and saves. */
  stop(): void;
  /** Ends the job's process at once; the run is then interrupted. */
  kill(): void;
  ended: Promise<RunEnd>;
};

type Follow = {
  run: Pick<StoredRun, 'id' | 'outputDir'>;
  job: JobSpec;
  onRecord: (record: JobRecord) => void;
  /** Started for the first time: forgotten again where the job refuses it before the first step. */
  isNew: boolean;
};

/** Starts the job of a run that is in the history, and follows it. */
export function followRun(app: App, { run, job, onRecord, isNew }: Follow): RunSession {
  const folder = runFolder(app, run);
  const log = join(folder, 'job.log');
  let started = false;
  let killed = false;
  let lastStep = 0;
  let over = false;
  let end: Extract<JobRecord, { type: 'end' }> | undefined;
  let hostError: { error: unknown } | undefined;
  let jobPid: number | undefined;
  let watch: GpuWatch | undefined;
  /** The device whose GPU it looks at. */
  let watched: string | undefined;

  const watchGpu = (device: string): void => {
    if (over || device === watched) return;
    endWatch();
    watched = device;
    watch = new GpuWatch(() => app.findGpuReader(device, jobPid));
    app.gpuWatches.set(run.id, watch);
    watch.begin();
  };
  const endWatch = (): void => {
    watch?.end();
    watch = undefined;
    watched = undefined;
    app.gpuWatches.delete(run.id);
  };

  // The history cannot be written: the job must not go on unrecorded.
  const giveUp = (error: unknown): void => {
    hostError ??= { error };
    launched.kill();
  };
  const recorder = createRecorder(app.history, run.id, giveUp);
  const reporter = createRunReporter(app, run.id, (message, level) => {
    if (hostError !== undefined) return;
    const event = { type: 'event', level, message } as const;
    recorder.record(event);
    onRecord(event);
  });
  const sending = new AbortController();
  if (reporter !== undefined) void sendQueued(app, sending.signal);
  const launched = launchWithinMemory(app, job, {
    log,
    busy: () => busyDevices(app, run.id),
    onSpawn(pid) {
      endWatch();
      jobPid = pid;
      if (pid === undefined || over) return;
      try {
        app.history.runs.update(run.id, { job: knownProcess(pid) });
      } catch (error) {
        giveUp(error);
      }
    },
    async beforeAnother() {
      started = false;
      recorder.flush();
      await reporter?.end('interrupted');
      app.history.runs.update(run.id, { status: 'preparing', job: null });
    },
    onRecord(said) {
      if (said.type === 'device') watchGpu(said.device);
      const record = watch?.addTo(said) ?? said;
      if (record.type === 'start') {
        started = true;
        lastStep = record.startStep;
      } else if (record.type === 'step') {
        lastStep = record.step;
      } else if (record.type === 'end') {
        // Written once the process is gone, when it is known whether the run is kept.
        end = record;
        return;
      }
      try {
        recorder.record(record);
      } catch (error) {
        giveUp(error);
      }
      onRecord(record);
      reporter?.record(record, watch?.index);
    },
  });

  const stopFile = join(folder, stopRequestFile);
  const poll = setInterval(() => {
    if (existsSync(stopFile)) launched.stop();
  }, STOP_POLL_MS);

  async function settle(): Promise<RunEnd> {
    const exit = await launched.exited;
    over = true;
    endWatch();
    clearInterval(poll);
    rmSync(stopFile, { force: true });
    try {
      const ended = settled(exit);
      await reporter?.end(ended.status);
      recorder.flush();
      return ended;
    } catch (error) {
      await reporter?.end('interrupted');
      throw error;
    } finally {
      sending.abort();
    }
  }

  function settled(exit: Exit): RunEnd {
    if (hostError !== undefined) throw hostError.error;
    recorder.flush();
    const checkpoint = app.history.checkpoints.list(run.id).at(-1);
    const outcome = { outputDir: run.outputDir, lastStep, refused: false, ...(checkpoint && { checkpoint }) };
    if (end === undefined) {
      const error = deathOf(run.id, { exit, checkpoint, lastStep, started, killed, log });
      app.history.events.add(run.id, {
        recordedAt: Date.now(),
        step: lastStep,
        level: 'error',
        message: error.message,
      });
      app.history.runs.update(run.id, { status: 'interrupted', endedAt: Date.now(), error, host: null, job: null });
      return { ...outcome, status: 'interrupted', metrics: {}, error };
    }
    const refused = end.status === 'failed' && !started && end.error?.code !== INTERNAL;
    if (refused && isNew) {
      app.history.runs.remove(run.id);
      rmSync(folder, { recursive: true, force: true });
    } else {
      recorder.record(end);
    }
    const { status, metrics, error } = end;
    return { ...outcome, status, metrics, refused, ...(error && { error }) };
  }

  return {
    runId: run.id,
    template: job.recipe.template,
    outputDir: run.outputDir,
    stop: () => launched.stop(),
    kill() {
      killed = true;
      launched.kill();
    },
    ended: settle(),
  };
}

type Exit = Awaited<KeptGoing['exited']>;
type Death = {
  exit: Exit;
  checkpoint: StoredCheckpoint | undefined;
  lastStep: number;
  started: boolean;
  killed: boolean;
  log: string;
};

/** Words for a job process that died without saying so. */
function deathOf(runId: string, death: Death): ErrorDetails {
  const { exit, checkpoint, killed, log } = death;
  const when = momentOf(death);
  const from = originOf(checkpoint);
  if (exit.ranOut && !killed)
    return new UserError({
      code: 'out-of-memory',
      message: `Memory ran out, and the system ended the training process of ${runId} ${when}.`,
      fix: `Close other programs and resume it: that continues ${from}. Or run it anew with gradient_checkpointing: true, load_in_4bit: true or a lower max_length.`,
      commandLine: `Close other programs, then lorelei resume ${runId} continues ${from}. Or run it anew with gradient_checkpointing: true, load_in_4bit: true or a lower max_length; lorelei estimate says what each saves.`,
    }).toDetails();
  const how = exit.signal === null ? `with exit code ${exit.code ?? 'unknown'}` : `by ${exit.signal}`;
  const lastWords = lastWordsIn(log);
  return new UserError({
    code: 'job-died',
    message: killed
      ? `The run ${runId} was ended at once, ${when}.`
      : `The training process of ${runId} ended ${how} ${when}.${lastWords === '' ? '' : ` Its last words (${log}):\n${lastWords}`}`,
    fix: `Resume it: that continues ${from}.`,
    commandLine: `lorelei resume ${runId} continues ${from}.`,
  }).toDetails();
}

/** The last lines of a log, without the frames of a stack. */
function lastWordsIn(log: string): string {
  if (!existsSync(log)) return '';
  const lines = readFileSync(log, 'utf8').split('\n');
  return lines
    .filter((line) => line.trim() !== '' && !/^\s*(\d+: |at |-----)/.test(line))
    .slice(-5)
    .join('\n');
}
