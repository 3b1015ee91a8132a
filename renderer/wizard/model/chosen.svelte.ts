// The model that the draft names, with what is known of it.
import type { ErrorDetails, ModelFacts } from '../../../preload/contract.ts';
import { host } from '../../state/host.ts';
import { draft } from '../draft.svelte.ts';

/** With the adapter of a run: merge it and learn a new one, or train it further. */
export type Way = 'merge' | 'continue';

class ChosenModel {
  /** Of what was chosen; null while nothing is. */
  facts = $state.raw<ModelFacts | null>(null);
  failure = $state.raw<ErrorDetails | null>(null);
  #seen = '';

  /** What was chosen, as a person chose it: a folder of a model or an adapter, or run:NAME. */
  get reference(): string {
    return draft.text('adapter_name_or_path') || draft.text('model_name_or_path');
  }

  get way(): Way {
    return draft.text('adapter_name_or_path') === '' ? 'merge' : 'continue';
  }

  /** Asks what the draft's model is, where that is not known yet. */
  async look(): Promise<void> {
    const { reference } = this;
    if (reference === this.#seen) return;
    this.#seen = reference;
    this.failure = null;
    this.facts = null;
    if (reference === '') return;
    const result = await host.call('models.inspect', { path: reference });
    if (reference !== this.#seen) return;
    if (result.ok) this.facts = result.value;
    else this.failure = result.error;
  }

  /** After something changed about it: it may be used now. */
  async lookAgain(): Promise<void> {
    this.#seen = '';
    await this.look();
  }

  /** Puts a model into the draft. */
  choose(facts: ModelFacts, way: Way = 'merge'): void {
    const run = facts.reference.startsWith('run:');
    const continues = facts.adapter !== null && (!run || way === 'continue');
    draft.set({
      model_name_or_path: run && continues ? (facts.folder ?? undefined) : facts.reference || undefined,
      adapter_name_or_path: continues ? (run ? facts.reference : facts.adapter?.reference) : undefined,
    });
    this.#seen = this.reference;
    this.facts = facts;
    this.failure = null;
  }
}

export const chosen = new ChosenModel();
