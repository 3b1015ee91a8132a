// A process for errands, whichever kind of process the host can start: an order, its progress, its end. Most do one
// errand and end; one that is kept takes the next order when it has answered.
import type { ErrandHooks } from '../app/errand.ts';
import type { ErrandName, ErrandOutput } from '../app/errands.ts';
import { UserError } from '../errors.ts';
import type { ErrandAnswer, ErrandCancel, ErrandLeave, ErrandOrder } from './errand-messages.ts';

const STDERR_KEPT = 4000;

/** How long a kept process may take to give up an order before it is killed: a token of an answer, usually. */
const CANCEL_MS = 2000;

/** How long a process may take to end by itself. */
const LEAVE_MS = 20_000;

/** What the kinds of process have in common. */
export type ErrandProcess = {
  send: (message: ErrandOrder | ErrandCancel | ErrandLeave) => void;
  kill: () => void;
  onMessage: (listener: (message: ErrandAnswer) => void) => void;
  /** Called once, when the process is gone and all that it said has arrived; `how`: "exit code 1". */
  onEnd: (listener: (how: string) => void) => void;
  /** Called where it could not be started. */
  onError: (listener: (error: Error) => void) => void;
  stderr: NodeJS.ReadableStream | null;
};

type Order = {
  hear: (message: ErrandAnswer) => void;
  fail: (error: Error) => void;
  ended: (how: string) => void;
};

export class ErrandWorker {
  /** Stays for another order after an answer. */
  isKept: boolean;
  /** Nothing can be asked of it any more. */
  isGone = false;
  /** It was given an order. */
  isUsed = false;
  /** It has said something about its last order. */
  hasSpoken = false;
  /** Its order was cancelled, and is about to be over. */
  isGivingUp = false;
  readonly #process: ErrandProcess;
  #order: Order | undefined;
  readonly #leaveMs: number;
  #left: ((how: string) => void) | undefined;
  #free: Promise<unknown> = Promise.resolve();
  #lastWords = '';

  constructor(process: ErrandProcess, { isKept, leaveMs = LEAVE_MS }: { isKept: boolean; leaveMs?: number }) {
    this.#process = process;
    this.#leaveMs = leaveMs;
    this.isKept = isKept;
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-STDERR_KEPT);
    });
    process.onMessage((message) => {
      this.hasSpoken = true;
      this.#order?.hear(message);
    });
    process.onError((error) => {
      this.isGone = true;
      this.#order?.fail(error);
    });
    process.onEnd((how) => {
      this.isGone = true;
      this.#order?.ended(how);
      this.#left?.(how);
    });
  }

  get isBusy(): boolean {
    return this.#order !== undefined;
  }

  /** Fulfilled when the order in hand, if any, is over. */
  get free(): Promise<unknown> {
    return this.#free;
  }

  /** Ends it, at once or when it has given the answer that it is at. */
  retire(): void {
    this.isKept = false;
    if (!this.isBusy || this.isGivingUp) this.#kill();
  }

  /** One order at a time. Rejects as LaunchErrand says. */
  perform<E extends ErrandName>(
    order: ErrandOrder & { errand: E },
    { onProgress, signal, onEnd }: ErrandHooks,
  ): Promise<ErrandOutput<E>> {
    this.isUsed = true;
    this.hasSpoken = false;
    const performed = new Promise<ErrandOutput<E>>((resolve, reject) => {
      signal.throwIfAborted();
      let patience: NodeJS.Timeout | undefined;
      const cancel = (): void => {
        if (!this.isKept) {
          this.#kill();
          return;
        }
        this.isGivingUp = true;
        this.#process.send({ cancel: true });
        patience = setTimeout(() => this.#kill(), CANCEL_MS);
      };
      const over = (): void => {
        this.#order = undefined;
        this.isGivingUp = false;
        clearTimeout(patience);
        signal.removeEventListener('abort', cancel);
      };
      this.#order = {
        hear: (message) => {
          if (message.type === 'progress') {
            if (!signal.aborted) onProgress(message.progress);
            return;
          }
          // A killed process is awaited: what it has left can be cleared away without it going on.
          if (signal.aborted && !this.isKept) return;
          over();
          if (signal.aborted) reject(signal.reason as Error);
          else if (message.type === 'done') resolve(message.value as ErrandOutput<E>);
          else if (message.type === 'refused') reject(new UserError(message.error));
          else reject(new Error(`the errand ${order.errand} gave up unasked`));
          if (message.type === 'done' && onEnd !== undefined && !signal.aborted) this.#letLeave(onEnd);
          else if (!this.isKept) this.#kill();
        },
        fail: (error) => {
          over();
          reject(error);
        },
        ended: (how) => {
          over();
          if (signal.aborted) reject(signal.reason as Error);
          reject(died(order.errand, how, this.#lastWords.trim()));
        },
      };
      signal.addEventListener('abort', cancel, { once: true });
      this.#process.send(order);
    });
    this.#free = performed.catch(() => undefined);
    return performed;
  }

  /** Nothing more is asked of it. */
  #letLeave(onEnd: (how: string) => void): void {
    const patience = setTimeout(() => {
      this.#left = undefined;
      onEnd(`it did not end by itself within ${this.#leaveMs / 1000} s`);
      this.#kill();
    }, this.#leaveMs);
    this.#left = (how) => {
      clearTimeout(patience);
      onEnd(how);
    };
    this.isGone = true;
    this.#process.send({ leave: true });
  }

  #kill(): void {
    this.isGone = true;
    this.#process.kill();
  }
}

function died(errand: string, how: string, lastWords: string): UserError {
  return new UserError({
    code: 'errand-died',
    message: `The process that was to do this (${errand}) ended with ${how}.${lastWords === '' ? '' : ` Its last words:\n${lastWords}`}`,
    fix: 'Try again. If memory is short, close other programs first.',
  });
}
