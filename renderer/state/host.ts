// The page's way to its host: the desktop app's bridge, or the same contract over HTTP where a browser shows the page.
import type { AppEvent, Bridge, CommandResult } from '../../preload/contract.ts';

const listeners = new Set<(event: AppEvent) => void>();
let source: EventSource | undefined;

/** One stream for the whole page: a browser allows only six connections to a host. */
function openEvents(): EventSource {
  const events = new EventSource('events');
  const tell = (event: AppEvent): void => listeners.forEach((listener) => listener(event));
  events.onmessage = (message: MessageEvent<string>) => tell(JSON.parse(message.data) as AppEvent);
  // After a pause nobody knows what was missed.
  events.onopen = () => tell({ type: 'history-changed' });
  return events;
}

const overHttp: Bridge = {
  async call(command, input, task) {
    const response = await fetch('rpc', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ command, input, task }),
    });
    if (response.status === 401) return { ok: false, error: sessionOver };
    return (await response.json()) as CommandResult<never>;
  },
  onEvent(listener) {
    listeners.add(listener);
    source ??= openEvents();
    return () => void listeners.delete(listener);
  },
};

const sessionOver = {
  code: 'session-over',
  message: 'This window is no longer signed in to Lorelei.',
  fix: 'Open the newest link that `lorelei serve` printed in its terminal.',
};

const unreachable = {
  code: 'host-unreachable',
  message: 'Lorelei does not answer.',
  fix: 'Start it again with `npm start`, then open the link that it prints.',
};

const bridge = window.lorelei ?? overHttp;

export const host: Bridge = {
  async call(command, input, task) {
    try {
      return await bridge.call(command, input, task);
    } catch (error) {
      console.error(error);
      return { ok: false, error: unreachable };
    }
  },
  onEvent: (listener) => bridge.onEvent(listener),
};
