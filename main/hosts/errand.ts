// The door for errands: a process that does one piece of work for a window and is ended, or kept for another one. What
// errands there are stands in app/errands.ts.
import { UserError } from '../errors.ts';
import { openApp } from '../app/app.ts';
import { errands, type ErrandName } from '../app/errands.ts';
import { parentPort } from '../job/parent-port.ts';
import type { ErrandAnswer, ErrandCancel, ErrandLeave, ErrandOrder } from './errand-messages.ts';

const port = parentPort<ErrandAnswer>();
let giveUp = new AbortController();

// The host sends an order when the one before is over.
port.listen((given) => {
  const message = given as ErrandOrder | ErrandCancel | ErrandLeave;
  // As a run ends: with what the runtime and drivers do at the end of a process.
  if ('leave' in message) process.exit(0);
  if ('cancel' in message) {
    giveUp.abort();
    return;
  }
  giveUp = new AbortController();
  void work(message, giveUp.signal);
});
// Nobody waits for the answer any more.
process.on('disconnect', () => process.exit(0));
// A terminal's Ctrl-C reaches the whole group; the parent decides what it means.
process.on('SIGINT', () => undefined);

async function work({ errand, input, home }: ErrandOrder, signal: AbortSignal): Promise<void> {
  const launchJob = (): never => {
    throw new Error('an errand starts no runs');
  };
  try {
    const app = openApp({ launchJob }, home);
    try {
      const value = await perform(errand, app, { input, signal });
      port.post({ type: 'done', value });
    } finally {
      app.history.close();
    }
  } catch (error) {
    if (signal.aborted) {
      port.post({ type: 'cancelled' });
      return;
    }
    if (!(error instanceof UserError)) throw error;
    port.post({ type: 'refused', error: error.toDetails() });
  }
}

function perform(
  errand: ErrandName,
  app: Parameters<(typeof errands)[ErrandName]>[0],
  { input, signal }: { input: unknown; signal: AbortSignal },
) {
  const run = errands[errand] as (app: unknown, input: unknown, tell: unknown, signal: AbortSignal) => unknown;
  const tell = (progress: Extract<ErrandAnswer, { type: 'progress' }>['progress']) =>
    port.post({ type: 'progress', progress });
  return run(app, input, tell, signal);
}
