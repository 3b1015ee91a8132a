// What the process that trains a run uses of the machine, as the system counts it.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { ProcessUsage } from '../../preload/contract.ts';
import type { KnownProcess, StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';
import { isAlive } from './process-identity.ts';

type Sample = { memoryBytes: number; cpuMs: number };

/** The last look at each process: what it did since is what keeps it busy. */
const lastLooks = new Map<string, { cpuMs: number; at: number }>();
const MOST_LOOKS = 64;

/** Null where no process trains, and on systems that tell it only to slow commands. */
export async function usageOfRun(
  { gpuWatches }: Pick<App, 'gpuWatches'>,
  { id, job }: Pick<StoredRun, 'id' | 'job'>,
): Promise<ProcessUsage | null> {
  if (job === undefined || !isAlive(job)) return null;
  const sample = await look(job);
  if (sample === null) return null;
  const key = `${String(job.pid)} ${job.identity}`;
  const [before, at] = [lastLooks.get(key), performance.now()];
  lastLooks.delete(key);
  lastLooks.set(key, { cpuMs: sample.cpuMs, at });
  for (const oldest of [...lastLooks.keys()].slice(0, -MOST_LOOKS)) lastLooks.delete(oldest);
  return {
    memoryBytes: sample.memoryBytes,
    totalMemoryBytes: totalmem(),
    busyCores: before === undefined || at === before.at ? null : (sample.cpuMs - before.cpuMs) / (at - before.at),
    cores: availableParallelism(),
    gpu: gpuWatches.get(id)?.now ?? null,
  };
}

async function look({ pid }: KnownProcess): Promise<Sample | null> {
  try {
    if (process.platform === 'linux') return await lookInProc(pid);
    if (process.platform === 'win32') return null;
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=,time=', '-p', String(pid)]);
    return parsePs(stdout);
  } catch {
    return null; // it ended meanwhile
  }
}

/** Linux counts processor time in hundredths of a second, whatever its own clock does (man 5 proc, USER_HZ). */
async function lookInProc(pid: number): Promise<Sample | null> {
  const [stat, status] = await Promise.all(
    ['stat', 'status'].map((name) => readFile(`/proc/${String(pid)}/${name}`, 'utf8')),
  );
  const memoryKiB = /^VmRSS:\s+(\d+) kB/m.exec(status ?? '')?.[1];
  // The name in parentheses may hold spaces; what follows begins with field 3, utime and stime are 14 and 15.
  const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return memoryKiB === undefined ? null : { memoryBytes: 1024 * Number(memoryKiB), cpuMs: 10 * ticks };
}

/** " 183456   1:02.50" (ps on macOS and BSD): kilobytes, and minutes or hours of processor time. */
export function parsePs(line: string): Sample | null {
  const [memoryKiB, time] = line.trim().split(/\s+/);
  if (memoryKiB === undefined || time === undefined) return null;
  const seconds = time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return { memoryBytes: 1024 * Number(memoryKiB), cpuMs: 1000 * seconds };
}
