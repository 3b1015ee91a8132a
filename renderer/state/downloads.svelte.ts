// The downloads from the Hub, which go on whether a window looks or not: asked for once, then told.
import type { CommandInput, Download, ErrorDetails } from '../../preload/contract.ts';
import { host } from './host.ts';

class Downloads {
  list = $state.raw<Download[]>([]);
  /** Why the last thing that was asked for could not be done. */
  failure = $state.raw<ErrorDetails | null>(null);

  /** Keeps the list as it is until the returned function is called. Use it as an effect. */
  follow(): () => void {
    void host.call('downloads.list', {}).then((result) => {
      if (result.ok) this.list = result.value;
    });
    return host.onEvent((event) => {
      if (event.type === 'downloads-changed') this.list = event.downloads;
    });
  }

  /** Null where it was refused; `failure` says why. */
  async start(order: CommandInput<'downloads.start'>): Promise<Download | null> {
    const result = await host.call('downloads.start', order);
    this.failure = result.ok ? null : result.error;
    return result.ok ? result.value : null;
  }

  async pause(id: string): Promise<void> {
    this.#heard(await host.call('downloads.pause', { id }));
  }

  async resume(id: string): Promise<void> {
    this.#heard(await host.call('downloads.resume', { id }));
  }

  /** Ends it, or dismisses a finished one. */
  async cancel(id: string): Promise<void> {
    this.#heard(await host.call('downloads.cancel', { id }));
  }

  #heard(result: { ok: true } | { ok: false; error: ErrorDetails }): void {
    this.failure = result.ok ? null : result.error;
  }
}

export const downloads = new Downloads();
