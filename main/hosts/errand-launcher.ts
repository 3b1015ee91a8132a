// Launches errands: each in a process of its own, but for those that are to be kept, whose process waits for the next
// question of its kind so that a model need not be loaded anew. At most one process is kept.
import { cudaEnvironment } from '../cuda/environment.ts';
import type { ErrandHooks, Errands } from '../app/errand.ts';
import type { ErrandInput, ErrandName, ErrandOutput } from '../app/errands.ts';
import { UserError } from '../errors.ts';
import type { ErrandOrder } from './errand-messages.ts';
import { ErrandWorker, type ErrandProcess } from './errand-worker.ts';

/** How long a kept process waits for another question. */
const IDLE_MS = 5 * 60_000;

type Start = (errand: ErrandName, environment: Readonly<Record<string, string>>) => ErrandProcess;

export function errandLauncher(start: Start, home: string, idleMs = IDLE_MS): Errands {
  let kept: { worker: ErrandWorker; what: string } | undefined;
  let idle: NodeJS.Timeout | undefined;

  const started = (errand: ErrandName): ErrandProcess => start(errand, environmentOf(errand, home));

  function coolErrands(): void {
    clearTimeout(idle);
    kept?.worker.retire();
    kept = undefined;
  }

  /** The kept process where it holds what is asked for and has nothing else to do, else a new one. */
  async function workerFor(errand: ErrandName, what: string, signal: AbortSignal): Promise<ErrandWorker> {
    clearTimeout(idle);
    if (kept !== undefined && (kept.what !== what || kept.worker.isGone)) coolErrands();
    // What it still does was given up a moment ago, as a rule.
    if (kept?.worker.isBusy === true && kept.worker.isGivingUp) await kept.worker.free;
    signal.throwIfAborted();
    if (kept !== undefined && !kept.worker.isGone && !kept.worker.isBusy) return kept.worker;
    const isKept = kept?.worker.isBusy !== true;
    const worker = new ErrandWorker(started(errand), { isKept });
    if (isKept) kept = { worker, what };
    return worker;
  }

  async function launchKept<E extends ErrandName>(
    order: ErrandOrder & { errand: E },
    hooks: ErrandHooks,
    what: string,
  ): Promise<ErrandOutput<E>> {
    const worker = await workerFor(order.errand, what, hooks.signal);
    const isFirst = !worker.isUsed;
    try {
      return await worker.perform(order, hooks);
    } catch (error) {
      // It died while it waited, and that shows only now.
      const isStale = !isFirst && !worker.hasSpoken && error instanceof UserError && error.code === 'errand-died';
      if (!isStale) throw error;
      return await launchKept(order, hooks, what);
    } finally {
      if (kept?.worker === worker) {
        clearTimeout(idle);
        idle = setTimeout(coolErrands, idleMs).unref();
      }
    }
  }

  return {
    launchErrand<E extends ErrandName>(errand: E, input: ErrandInput<E>, hooks: ErrandHooks) {
      const order = { errand, input, home };
      if (hooks.keep !== undefined) return launchKept(order, hooks, hooks.keep);
      if (hooks.signal.aborted) return Promise.reject(hooks.signal.reason as Error);
      return new ErrandWorker(started(errand), { isKept: false }).perform(order, hooks);
    },
    coolErrands,
  };
}

/** Most errands load the runtime's library; these never do. */
const withoutLibrary: ReadonlySet<ErrandName> = new Set(['installCuda', 'keychain', 'upload']);

function environmentOf(errand: ErrandName, home: string): Readonly<Record<string, string>> {
  return withoutLibrary.has(errand) ? {} : cudaEnvironment(home);
}
