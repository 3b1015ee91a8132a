// Starts errands as forked Node children, for hosts that are Node themselves.
import { fork, type ChildProcess } from 'node:child_process';
import type { Errands } from '../../app/errand.ts';
import { homeFolder } from '../../app/home.ts';
import { errandLauncher } from '../errand-launcher.ts';
import type { ErrandProcess } from '../errand-worker.ts';
import { errandFile } from '../process-files.ts';

/** Errands that work in the home folder `home`. */
export function forkedErrands(home: string = homeFolder(process.env), idleMs?: number): Errands {
  return errandLauncher(startProcess, home, idleMs);
}

function startProcess(_errand: string, environment: Readonly<Record<string, string>>): ErrandProcess {
  const child = fork(errandFile(), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, ...environment },
    windowsHide: true,
  });
  return forkedErrandProcess(child);
}

export function forkedErrandProcess(child: ChildProcess): ErrandProcess {
  return {
    send: (order) => void child.send(order, () => undefined),
    kill: () => void child.kill('SIGKILL'),
    onMessage: (listener) => void child.on('message', listener),
    onEnd: (listener) =>
      void child.once('close', (code, signal) => listener(signal ?? `exit code ${code ?? 'unknown'}`)),
    onError: (listener) => void child.once('error', listener),
    stderr: child.stderr,
  };
}
