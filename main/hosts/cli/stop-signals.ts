// Ctrl-C and its kin, for commands that end their work in order.
import type { UserError } from '../../errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Hears every wish to stop until the returned function is called. */
export function hearStops(onStop: () => void): () => void {
  for (const signal of SIGNALS) process.on(signal, onStop);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onStop);
  };
}

/** Work that is given up when a stop is wished for, with a reason that is made then. */
export async function untilStopped<Result>(
  reason: () => UserError,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const stopping = new AbortController();
  const stopHearing = hearStops(() => stopping.abort(reason()));
  try {
    return await work(stopping.signal);
  } finally {
    stopHearing();
  }
}
