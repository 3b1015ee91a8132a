// Starts job processes as forked Node children, for hosts that are Node themselves.
import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { jobRecord, type JobCommand } from '../../../preload/contract.ts';
import type { JobExit, LaunchJob } from '../../app/job.ts';
import { memoryOf } from '../../recipe/memory.ts';
import type { JobSpec } from '../../training/job.ts';
import { leanEnvironment, leanFlags } from '../lean-process.ts';
import { workerFile } from '../process-files.ts';

/** Fulfilled once the process is gone and everything it sent has arrived. */
async function exitOf(child: ChildProcess): Promise<JobExit> {
  const exited = new Promise<JobExit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      resolve({ code, signal });
    });
  });
  // Messages may still be on their way when the process is gone; the channel closes behind the last of them.
  const drained = new Promise<void>((resolve) => {
    child.once('disconnect', resolve);
  });
  const exit = await exited;
  await drained;
  return exit;
}

/** A launcher of the worker at `worker`. */
export function forkedJobs(worker: string = workerFile()): LaunchJob {
  return (job, { onRecord, log, environment }) => {
    const logFile = openSync(log, 'a');
    const isLean = memoryOf(job.recipe) === 'lean';
    const child = fork(worker, [], {
      // A group of its own: Ctrl-C reaches this process only, which then asks the job to stop.
      detached: process.platform !== 'win32',
      // Unlike JSON this keeps NaN.
      serialization: 'advanced',
      stdio: ['ignore', logFile, logFile, 'ipc'],
      execArgv: isLean ? leanFlags : [],
      env: { ...(isLean && leanEnvironment), ...process.env, ...environment },
      windowsHide: true,
    });
    closeSync(logFile);
    child.on('message', (message) => {
      onRecord(jobRecord.parse(message));
    });
    const send = (message: JobCommand | { type: 'start'; job: JobSpec }): void => {
      // The callback takes the error of a process that is already gone; its exit tells the story.
      if (child.connected) child.send(message, () => undefined);
    };
    send({ type: 'start', job });
    return {
      spawned: Promise.resolve(child.pid),
      stop() {
        send({ type: 'stop' });
      },
      kill() {
        child.kill('SIGKILL');
      },
      exited: exitOf(child),
    };
  };
}
