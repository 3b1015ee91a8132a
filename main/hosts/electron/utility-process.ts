// What jobs and errands need of Electron's utility processes alike: an end that comes at once, and after everything said.
import type { UtilityProcess } from 'electron';
import { setTimeout as sleep } from 'node:timers/promises';

/** Electron does not say which comes first, the last messages of a process or its end. */
const LAST_MESSAGES_MS = 100;

/** Electron only knows how to ask (SIGTERM), which a process that computes may not hear. */
export function endAtOnce(child: UtilityProcess): void {
  if (child.pid === undefined) child.once('spawn', () => endAtOnce(child));
  else if (process.platform === 'win32') child.kill();
  else kill(child.pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // gone already
  }
}

/** The exit code, once the process is gone and its last messages have arrived. */
export async function onceGone(child: UtilityProcess): Promise<number> {
  const code = await new Promise<number>((exited) => child.once('exit', exited));
  await sleep(LAST_MESSAGES_MS);
  return code;
}
