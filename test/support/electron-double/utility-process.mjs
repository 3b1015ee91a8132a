// Electron's utilityProcess, as a forked child: no id before it has started, no file descriptors, an end that may come
// before its last messages, and no life after the app.
import { fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { constants } from 'node:os';

const living = new Set();
process.on('exit', () => living.forEach((child) => child.kill('SIGKILL')));

class UtilityProcess extends EventEmitter {
  pid = undefined;
  #child;

  constructor(path, args, { stdio = 'inherit', execArgv = [], env }) {
    super();
    const [, stdout, stderr] = typeof stdio === 'string' ? ['ignore', stdio, stdio] : stdio;
    if (![stdout, stderr].every((one) => ['pipe', 'ignore', 'inherit'].includes(one)))
      throw new TypeError('stdio of a utility process is pipe, ignore or inherit');
    const port = new URL('utility-port.mjs', import.meta.url).href;
    const child = fork(path, args, {
      execArgv: [...execArgv, '--import', port],
      serialization: 'advanced',
      stdio: ['ignore', stdout, stderr, 'ipc'],
      env,
    });
    this.#child = child;
    living.add(child);
    this.stdout = child.stdout;
    this.stderr = child.stderr;
    child.once('spawn', () =>
      setTimeout(() => {
        this.pid = child.pid;
        this.emit('spawn');
      }, 5),
    );
    child.on('message', (message) => this.emit('message', message));
    child.once('exit', (code, signal) => {
      living.delete(child);
      this.pid = undefined;
      this.emit('exit', code ?? constants.signals[signal]);
    });
  }

  postMessage(message) {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  kill() {
    return this.#child.kill('SIGTERM');
  }
}

export const utilityProcess = { fork: (path, args = [], options = {}) => new UtilityProcess(path, args, options) };
