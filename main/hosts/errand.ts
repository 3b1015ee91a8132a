// The door for errands: a process that does one piece of work for a window and ends. What errands there are stands in
// app/errands.ts.
import { UserError } from '../errors.ts';
import { openApp } from '../app/app.ts';
import { errands, type ErrandName } from '../app/errands.ts';
import { parentPort } from '../job/parent-port.ts';
import type { ErrandAnswer, ErrandOrder } from './errand-messages.ts';

const port = parentPort<ErrandAnswer>();
let started = false;

port.listen((message) => {
  if (started) return;
  started = true;
  void work(message as ErrandOrder);
});
// Nobody waits for the answer any more.
process.on('disconnect', () => process.exit(0));
// A terminal's Ctrl-C reaches the whole group; the parent decides what it means.
process.on('SIGINT', () => undefined);

async function work({ errand, input, home }: ErrandOrder): Promise<void> {
  const launchJob = (): never => {
    throw new Error('an errand starts no runs');
  };
  try {
    const app = openApp({ launchJob }, home);
    const value = await perform(errand, app, input);
    app.history.close();
    port.post({ type: 'done', value });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    port.post({ type: 'refused', error: error.toDetails() });
  }
}

function perform(errand: ErrandName, app: Parameters<(typeof errands)[ErrandName]>[0], input: unknown) {
  const run = errands[errand] as (app: unknown, input: unknown, tell: unknown) => unknown;
  return run(app, input, (progress: Extract<ErrandAnswer, { type: 'progress' }>['progress']) =>
    port.post({ type: 'progress', progress }),
  );
}
