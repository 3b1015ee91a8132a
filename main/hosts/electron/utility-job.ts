// Starts job processes as Electron's utility processes: a packaged app cannot be run as Node, so it cannot fork. They end
// with the app, which therefore stops and saves runs before it quits.
import { utilityProcess } from 'electron';
import { closeSync, openSync, writeSync } from 'node:fs';
import { jobRecord } from '../../../preload/contract.ts';
import type { LaunchJob } from '../../app/job.ts';
import { memoryOf } from '../../recipe/memory.ts';
import { leanEnvironment, leanFlags } from '../lean-process.ts';
import { workerFile } from '../process-files.ts';
import { endAtOnce, onceGone } from './utility-process.ts';

export function utilityJobs(): LaunchJob {
  return (job, { onRecord, log, environment }) => {
    const isLean = memoryOf(job.recipe) === 'lean';
    const child = utilityProcess.fork(workerFile(), [], {
      stdio: ['ignore', 'pipe', 'pipe'],
      execArgv: isLean ? leanFlags : [],
      env: { ...(isLean && leanEnvironment), ...process.env, ...environment },
      serviceName: `Lorelei run: ${job.runId}`,
    });
    // Electron hands no file to its children: what they print comes through this process.
    const logFile = openSync(log, 'a');
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (bytes: Buffer) => void writeSync(logFile, bytes));
    child.on('message', (message) => onRecord(jobRecord.parse(message)));
    const gone = onceGone(child);
    child.postMessage({ type: 'start', job });
    return {
      spawned: Promise.race([
        new Promise<number | undefined>((spawned) => child.once('spawn', () => spawned(child.pid))),
        gone.then(() => undefined),
      ]),
      stop: () => child.postMessage({ type: 'stop' }),
      kill: () => endAtOnce(child),
      exited: gone.then((code) => {
        closeSync(logFile);
        return { code, signal: null };
      }),
    };
  };
}
