// What the run of the draft would take, asked again as the draft changes.
import type { ErrorDetails, Estimate } from '../../preload/contract.ts';
import { host } from '../state/host.ts';
import { dataset } from './data/dataset.svelte.ts';
import { draft } from './draft.svelte.ts';

const ASK_AFTER_MS = 250;

class DraftEstimate {
  value = $state.raw<Estimate | null>(null);
  failure = $state.raw<ErrorDetails | null>(null);

  /** Asks now and after each change of the draft. Use it as an effect. */
  follow(): () => void {
    const given = this.#given();
    if (draft.text('model_name_or_path') === '') {
      this.value = null;
      this.failure = null;
      return () => undefined;
    }
    const timer = setTimeout(() => void this.#ask(given), this.value === null ? 0 : ASK_AFTER_MS);
    return () => clearTimeout(timer);
  }

  /** After something changed that is not of the draft: its model may be used now. */
  askAgain(): void {
    void this.#ask(this.#given());
  }

  #given() {
    const { method, preset, values } = draft;
    return { method, preset, values, rows: dataset.trainingRows, sizes: dataset.sizes };
  }

  async #ask(given: Parameters<typeof host.call<'recipe.estimate'>>[1]): Promise<void> {
    const result = await host.call('recipe.estimate', given);
    if (given.values !== draft.values) return;
    this.value = result.ok ? result.value : null;
    this.failure = result.ok ? null : result.error;
  }
}

export const draftEstimate = new DraftEstimate();
