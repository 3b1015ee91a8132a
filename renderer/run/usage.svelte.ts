// What the process of a run uses, asked for every two seconds while it works and someone looks.
import type { ProcessUsage } from '../../preload/contract.ts';
import { host } from '../state/host.ts';

const EVERY_MS = 2000;

export class LiveUsage {
  value = $state.raw<ProcessUsage | null>(null);

  /** Asks until the returned function is called. Use it as an effect. */
  follow(run: string): () => void {
    let over = false;
    const ask = async (): Promise<void> => {
      if (document.visibilityState === 'hidden') return;
      const answer = await host.call('run.usage', { id: run });
      if (!over) this.value = answer.ok ? answer.value : null;
    };
    void ask();
    const timer = setInterval(() => void ask(), EVERY_MS);
    return () => {
      over = true;
      clearInterval(timer);
      this.value = null;
    };
  }
}
