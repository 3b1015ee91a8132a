// The runs that are compared: each keeps its look as long as it is there, whatever comes and goes beside it.
import { untrack } from 'svelte';
import { LiveCurves } from '../run/live-curves.svelte.ts';
import { LiveAnswer } from '../state/live.svelte.ts';
import { runLooks, type RunLook } from './run-looks.ts';

export type ComparedRun = {
  id: string;
  look: RunLook;
  overview: LiveAnswer<'run.overview'>;
  live: LiveCurves;
};

type Entry = ComparedRun & { stop: () => void };

export class ComparedRuns {
  list = $state.raw<readonly ComparedRun[]>([]);
  #entries: Entry[] = [];

  /** Follows these runs and no others. */
  show(ids: readonly string[]): void {
    const unique = ids.filter((id, i) => ids.indexOf(id) === i).slice(0, runLooks.length);
    for (const { id, stop } of this.#entries) if (!unique.includes(id)) stop();
    const kept = this.#entries.filter(({ id }) => unique.includes(id));
    this.#entries = kept;
    for (const id of unique) {
      if (this.#entries.some((entry) => entry.id === id)) continue;
      const free = runLooks.find((look) => !this.#entries.some((entry) => entry.look === look));
      if (free === undefined) throw new Error('there are more runs than looks');
      this.#entries.push(untrack(() => follow(id, free)));
    }
    this.list = unique.flatMap((id) => this.#entries.find((entry) => entry.id === id) ?? []);
  }

  /** Ends it. */
  stop(): void {
    for (const { stop } of this.#entries) stop();
    this.#entries = [];
  }
}

function follow(id: string, look: RunLook): Entry {
  const overview = new LiveAnswer('run.overview', { id });
  const live = new LiveCurves(id);
  const stops = [overview.follow(), live.follow()];
  return { id, look, overview, live, stop: () => stops.forEach((stop) => stop()) };
}
