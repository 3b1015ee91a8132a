// The list of runs, kept for the whole page: the frame follows it, every screen reads it. Asked for once in full; later
// only for what changed, because a history may have ten thousand runs and a run that trains changes twice a second.
import type { RunChanges, RunSummary } from '../../preload/contract.ts';
import { LiveAnswer } from './live.svelte.ts';
import { withChanges } from './run-changes.ts';

class Runs {
  /** Newest first; null before the first answer. */
  value = $state.raw<RunSummary[] | null>(null);

  #revision = 0;
  readonly #changes = new LiveAnswer(
    'runs.changes',
    () => ({ after: this.#revision }),
    (changes) => this.#take(changes),
  );

  get failure(): LiveAnswer<'runs.changes'>['failure'] {
    return this.#changes.failure;
  }

  /** Keeps the list current until the returned function is called. Use it as an effect. */
  follow = (): (() => void) => this.#changes.follow();

  /** Asks at once, where waiting for word of a change would be felt. */
  refresh = (): void => void this.#changes.ask();

  get(id: string): RunSummary | undefined {
    return this.value?.find((run) => run.id === id);
  }

  #take({ revision, runs, gone }: RunChanges): void {
    this.#revision = revision;
    this.value = withChanges(this.value ?? [], runs, gone);
  }
}

export const runs = new Runs();
