// Starts errands as Electron's utility processes: a packaged app cannot be run as Node, so it cannot fork.
import { utilityProcess } from 'electron';
import type { Errands } from '../../app/errand.ts';
import { errandLauncher } from '../errand-launcher.ts';
import type { ErrandProcess } from '../errand-worker.ts';
import { errandFile } from '../process-files.ts';
import { endAtOnce, onceGone } from './utility-process.ts';

/** Errands that work in the home folder `home`. */
export function utilityErrands(home: string): Errands {
  return errandLauncher(startProcess, home);
}

function startProcess(errand: string, environment: Readonly<Record<string, string>>): ErrandProcess {
  const child = utilityProcess.fork(errandFile(), [], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...environment },
    serviceName: `Lorelei errand: ${errand}`,
  });
  const gone = onceGone(child);
  return {
    send: (order) => child.postMessage(order),
    kill: () => endAtOnce(child),
    onMessage: (listener) => void child.on('message', listener),
    onEnd: (listener) => void gone.then((code) => listener(`exit code ${code}`)),
    onError: () => undefined, // one that cannot be started exits
    stderr: child.stderr,
  };
}
