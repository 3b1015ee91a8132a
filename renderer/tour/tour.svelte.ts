// The tour: whether one is on it, where, and with which run. The stop follows from the address, so that the screens' own
// links lead along it as well. The browser keeps it: a reload goes on where one was.
import type { Draft } from '../../preload/contract.ts';
import { host } from '../state/host.ts';
import { keep, readKept } from '../state/kept.ts';
import { linkTo, route } from '../state/route.svelte.ts';
import { runs } from '../state/runs.svelte.ts';
import { toasts } from '../state/toasts.svelte.ts';
import { trySession } from '../try/session.svelte.ts';
import { draft } from '../wizard/draft.svelte.ts';
import { stops, type Progress, type Stop, type StopId } from './stops.ts';

type Kept = {
  /** The last stop that one was at; null where one is on no tour. */
  at: StopId | null;
  run: string | null;
  isExported: boolean;
  question: string;
  /** The draft that was in the wizard before, if something was set in it. */
  before: Draft | null;
};

const key = 'lorelei-tour';
const noTour: Kept = { at: null, run: null, isExported: false, question: '', before: null };
const emptyDraft: Draft = { method: 'sft', preset: null, values: {} };

class Tour {
  #kept = $state.raw(readKept(key, noTour));

  readonly isUnderWay = $derived(this.#kept.at !== null);
  /** Null where one has gone elsewhere, and on no tour. */
  readonly here = $derived(this.isUnderWay ? stopAt(this.#kept.run) : null);
  /** Where one is, or was before one went elsewhere. */
  readonly stop = $derived<Stop | undefined>(stops.find(({ id }) => id === (this.here ?? this.#kept.at)));
  readonly next = $derived<Stop | undefined>(this.stop && stops[stops.indexOf(this.stop) + 1]);
  readonly progress = $derived<Progress>({
    status: this.#kept.run === null ? null : (runs.get(this.#kept.run)?.status ?? 'preparing'),
    isAnswered: trySession.asked?.model === `run:${this.#kept.run}` && trySession.answers.adapter?.ending !== undefined,
    isExported: this.#kept.isExported,
  });

  linkTo({ link }: Stop): string {
    return link(this.#kept.run ?? '');
  }

  /** Fills in the wizard and goes to its first step. A tour under way begins anew. */
  async start(): Promise<void> {
    const answer = await host.call('draft.tour', {});
    if (!answer.ok) {
      toasts.show(`${answer.error.message} ${answer.error.fix}`);
      return;
    }
    await draft.load();
    const { method, preset, values } = draft;
    const own = this.isUnderWay || Object.keys(values).length === 0 ? this.#kept.before : { method, preset, values };
    this.#change({ ...noTour, at: 'model', question: answer.value.question, before: own });
    draft.replace(answer.value.draft);
    route.go(linkTo(['new', 'model']));
  }

  /** Remembers where one is. */
  arrive(stop: StopId): void {
    if (stop === this.#kept.at) return;
    if (stop === 'try') trySession.prompt = this.#kept.question;
    this.#change({ ...this.#kept, at: stop });
  }

  /** The wizard has started a run. */
  began(run: string): void {
    if (this.isUnderWay) this.#change({ ...this.#kept, run, isExported: false });
  }

  /** An export of a run was written. */
  exported(run: string): void {
    if (run === this.#kept.run) this.#change({ ...this.#kept, isExported: true });
  }

  /** For good, from wherever one is. What was in the wizard before comes back. */
  leave(): void {
    const { before, run } = this.#kept;
    this.#change(noTour);
    // Nothing of one's own was there, and the run is not started: what one sees in the wizard stays.
    if (before === null && run === null) return;
    draft.replace(before ?? emptyDraft);
    if (before !== null) toasts.show('New run has your own draft again.');
  }

  #change(kept: Kept): void {
    this.#kept = kept;
    keep(key, kept);
  }
}

/** The stop that is on the screen. */
function stopAt(run: string | null): StopId | null {
  const { screen, rest, query } = route;
  if (screen === 'new') return stops.find(({ id }) => id === (rest[0] ?? 'model'))?.id ?? null;
  if (run === null) return null;
  if (route.runId === run) return 'run';
  if (screen === 'try' && query.get('run') === run) return 'try';
  return screen === 'export' && rest[0] === run ? 'export' : null;
}

export const tour = new Tour();
