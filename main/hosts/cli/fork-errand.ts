// Starts errands as forked Node children, for hosts that are Node themselves.
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LaunchErrand } from '../../app/errand.ts';
import { homeFolder } from '../../app/home.ts';
import { UserError } from '../../errors.ts';
import type { ErrandAnswer, ErrandOrder } from '../errand-messages.ts';

/** The entry: beside this file in the build, in the folder above it in the sources. */
function errandFile(): string {
  const built = join(import.meta.dirname, 'errand.js');
  return existsSync(built) ? built : join(import.meta.dirname, '../errand.ts');
}

const STDERR_KEPT = 4000;

/** A launcher of errands that work in the home folder `home`. */
export function forkedErrands(home: string = homeFolder(process.env)): LaunchErrand {
  return (errand, input, { onProgress, signal }) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const child = fork(errandFile(), [], {
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        windowsHide: true,
      });
      let lastWords = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        lastWords = (lastWords + text).slice(-STDERR_KEPT);
      });
      const cancel = (): void => {
        child.kill('SIGKILL');
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', cancel, { once: true });
      child.on('message', (message: ErrandAnswer) => {
        if (message.type === 'progress') onProgress(message.progress);
        else if (message.type === 'done') resolve(message.value as Awaited<ReturnType<LaunchErrand>> as never);
        else reject(new UserError(message.error));
        if (message.type !== 'progress') child.kill('SIGKILL');
      });
      child.once('error', reject);
      // After an answer this changes nothing any more.
      child.once('close', (code, by) => {
        signal.removeEventListener('abort', cancel);
        reject(died(errand, by ?? `exit code ${code ?? 'unknown'}`, lastWords));
      });
      const order: ErrandOrder = { errand, input, home };
      child.send(order, () => undefined);
    });
}

function died(errand: string, how: string, lastWords: string): UserError {
  return new UserError({
    code: 'errand-died',
    message: `The process that was to do this (${errand}) ended with ${how}.${lastWords.trim() === '' ? '' : ` Its last words:\n${lastWords.trim()}`}`,
    fix: 'Try again. If memory is short, close other programs first.',
  });
}
