// Tells whether a process that had to do with a run still lives. A number alone does not: it may have been given to
// another process since, so the time at which the process started goes with it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { hasSystemCode } from '../errors.ts';
import type { KnownProcess } from '../store/runs.ts';

/** When the process started, in the system's own words; undefined where there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, but belongs to somebody else.
    if (!hasSystemCode(error, 'EPERM')) return undefined;
  }
  if (process.platform === 'linux') {
    try {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name in parentheses may hold spaces; field 22 is the start in clock ticks, field 3 the state.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? undefined : `${boot}:${fields[19] ?? ''}`;
    } catch (error) {
      if (hasSystemCode(error, 'ENOENT', 'ESRCH')) return undefined;
      throw error;
    }
  }
  if (process.platform === 'win32') return bootMinute();
  return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
}

/** Windows gives a start time only to slow commands; the time of the last boot at least tells sessions apart. */
function bootMinute(): string {
  return new Date((Date.now() / 1000 - uptime()) * 1000).toISOString().slice(0, 15);
}

/** This process, as the history keeps it. */
export function thisProcess(): KnownProcess {
  return knownProcess(process.pid);
}

/** A living process, as the history keeps it. */
export function knownProcess(pid: number): KnownProcess {
  return { pid, identity: startOf(pid) ?? '' };
}

/** Whether this very process, not another one with its number, still lives. */
export function isAlive({ pid, identity }: KnownProcess): boolean {
  return startOf(pid) === identity;
}
