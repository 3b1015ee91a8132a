// Entry of the job process: takes one job from its parent, trains, posts records back. ONNX Runtime blocks this
// process and may abort it, so nothing else lives here; killing it is always safe.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jobCommand, type JobRecord } from '../../preload/contract.ts';
import { messageOf, UserError } from '../errors.ts';
import { type JobSpec, stopRequestFile } from '../training/job.ts';
import { train } from '../training/run.ts';
import { parentPort } from './parent-port.ts';
import { withPeakMemory } from './process-memory.ts';
import { openSampler } from './sampling.ts';

if (process.platform === 'linux') {
  // Where memory runs out, the system should end this process, which goes on from a checkpoint, and not the window.
  try {
    writeFileSync('/proc/self/oom_score_adj', '200');
  } catch {
    // Some containers do not let processes say so.
  }
}

const port = parentPort<JobRecord>();
const stopping = new AbortController();
let started = false;

port.listen((message) => {
  if (isStart(message) && !started) {
    started = true;
    void work(message.job);
  } else if (jobCommand.safeParse(message).success) stopping.abort();
});
// A terminal's Ctrl-C reaches the whole group; the parent decides what it means.
process.on('SIGINT', () => undefined);
// The parent is gone: finish the step, save, end.
process.on('disconnect', () => {
  stopping.abort();
});

async function work(job: JobSpec): Promise<void> {
  const stopFile = join(job.runDir, stopRequestFile);
  const stopRequested = (): boolean => {
    if (!stopping.signal.aborted && existsSync(stopFile)) stopping.abort();
    return stopping.signal.aborted;
  };
  let end: JobRecord & { type: 'end' };
  try {
    end = await train(job, {
      post: (record) => port.post(withPeakMemory(record)),
      stopRequested,
      signal: stopping.signal,
      openSampler,
    });
  } catch (error) {
    end = { type: 'end', outputDir: job.outputDir, metrics: {}, ...ending(error) };
  }
  port.post(withPeakMemory(end));
  await port.flushed();
  finish();
}

function ending(error: unknown): {
  status: 'stopped' | 'failed';
  error?: { code: string; message: string; fix: string };
} {
  if (stopping.signal.aborted && error === stopping.signal.reason) return { status: 'stopped' };
  if (error instanceof UserError) return { status: 'failed', error: error.toDetails() };
  console.error(error);
  const fix = 'This is a fault of Lorelei, not of your data; the details are in job.log in the folder of the run.';
  return {
    status: 'failed',
    error: { code: 'internal', message: `The run ended unexpectedly: ${messageOf(error)}`, fix },
  };
}

/** Ends the process once everything posted has been handed over. */
function finish(): void {
  if (process.connected) process.disconnect();
  setTimeout(() => process.exit(0), 100);
}

function isStart(message: unknown): message is { type: 'start'; job: JobSpec } {
  return (
    typeof message === 'object' && message !== null && 'type' in message && message.type === 'start' && 'job' in message
  );
}
