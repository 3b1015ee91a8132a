// The losses behind the sparklines: asked for the runs that are in sight, and kept while a run has not moved on.
import { SvelteMap } from 'svelte/reactivity';
import type { RunSummary } from '../../preload/contract.ts';
import { host } from './host.ts';

type Run = Pick<RunSummary, 'id' | 'step'>;

class Trends {
  readonly #kept = new SvelteMap<string, { step: number; losses: number[] }>();
  #wanted = new Map<string, number>();
  #asking = false;

  /** What is known now; asks for more where the run has moved on. */
  of({ id, step }: Run): number[] {
    const kept = this.#kept.get(id);
    if (kept?.step !== step) {
      this.#wanted.set(id, step);
      queueMicrotask(() => void this.#ask());
    }
    return kept?.losses ?? [];
  }

  async #ask(): Promise<void> {
    if (this.#asking || this.#wanted.size === 0) return;
    this.#asking = true;
    const wanted = [...this.#wanted].slice(0, 200);
    for (const [id] of wanted) this.#wanted.delete(id);
    const result = await host.call('runs.trends', { ids: wanted.map(([id]) => id) });
    if (result.ok) {
      for (const [id, step] of wanted) this.#kept.set(id, { step, losses: result.value[id] ?? [] });
    }
    this.#asking = false;
    void this.#ask();
  }
}

export const trends = new Trends();
