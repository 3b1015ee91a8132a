// Starts errands as Electron's utility processes: a packaged app cannot be run as Node, so it cannot fork.
import { utilityProcess } from 'electron';
import type { LaunchErrand } from '../../app/errand.ts';
import { callErrand, type ErrandProcess } from '../errand-call.ts';
import { errandFile } from '../process-files.ts';
import { endAtOnce, onceGone } from './utility-process.ts';

/** A launcher of errands that work in the home folder `home`. */
export function utilityErrands(home: string): LaunchErrand {
  return (errand, input, hooks) => callErrand(() => startProcess(errand), { errand, input, home }, hooks);
}

function startProcess(errand: string): ErrandProcess {
  const child = utilityProcess.fork(errandFile(), [], {
    stdio: ['ignore', 'ignore', 'pipe'],
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
