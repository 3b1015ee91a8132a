// One errand in a process of its own, whichever kind of process the host can start: its order, its progress, its end.
import type { ErrandHooks } from '../app/errand.ts';
import type { ErrandName, ErrandOutput } from '../app/errands.ts';
import { UserError } from '../errors.ts';
import type { ErrandAnswer, ErrandOrder } from './errand-messages.ts';

const STDERR_KEPT = 4000;

/** What the kinds of process have in common. */
export type ErrandProcess = {
  send: (order: ErrandOrder) => void;
  kill: () => void;
  onMessage: (listener: (message: ErrandAnswer) => void) => void;
  /** Called once, when the process is gone and all that it said has arrived; `how`: "exit code 1". */
  onEnd: (listener: (how: string) => void) => void;
  /** Called where it could not be started. */
  onError: (listener: (error: Error) => void) => void;
  stderr: NodeJS.ReadableStream | null;
};

export function callErrand<E extends ErrandName>(
  start: () => ErrandProcess,
  order: ErrandOrder & { errand: E },
  { onProgress, signal }: ErrandHooks,
): Promise<ErrandOutput<E>> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = start();
    let lastWords = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-STDERR_KEPT);
    });
    const cancel = (): void => child.kill();
    signal.addEventListener('abort', cancel, { once: true });
    child.onMessage((message) => {
      if (message.type === 'progress') onProgress(message.progress);
      else if (message.type === 'done') resolve(message.value as ErrandOutput<E>);
      else reject(new UserError(message.error));
      if (message.type !== 'progress') child.kill();
    });
    child.onError(reject);
    // After an answer this changes nothing any more.
    child.onEnd((how) => {
      signal.removeEventListener('abort', cancel);
      // Only now: what a killed errand has left can be cleared away without it going on.
      if (signal.aborted) reject(signal.reason as Error);
      reject(died(order.errand, how, lastWords.trim()));
    });
    child.send(order);
  });
}

function died(errand: string, how: string, lastWords: string): UserError {
  return new UserError({
    code: 'errand-died',
    message: `The process that was to do this (${errand}) ended with ${how}.${lastWords === '' ? '' : ` Its last words:\n${lastWords}`}`,
    fix: 'Try again. If memory is short, close other programs first.',
  });
}
