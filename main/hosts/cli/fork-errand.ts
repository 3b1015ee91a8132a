// Starts errands as forked Node children, for hosts that are Node themselves.
import { fork } from 'node:child_process';
import type { LaunchErrand } from '../../app/errand.ts';
import { homeFolder } from '../../app/home.ts';
import { callErrand, type ErrandProcess } from '../errand-call.ts';
import { errandFile } from '../process-files.ts';

/** A launcher of errands that work in the home folder `home`. */
export function forkedErrands(home: string = homeFolder(process.env)): LaunchErrand {
  return (errand, input, hooks) => callErrand(startProcess, { errand, input, home }, hooks);
}

function startProcess(): ErrandProcess {
  const child = fork(errandFile(), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    windowsHide: true,
  });
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
