// The draft of the next run, shared by the wizard's steps: a method and recipe values. Kept by the host as it changes,
// so that neither a reload nor a restart loses it.
import type { Draft } from '../../preload/contract.ts';
import { host } from '../state/host.ts';

type Value = Draft['values'][string];

const SAVE_AFTER_MS = 300;

class NewRunDraft {
  method = $state('sft');
  preset = $state<string | null>(null);
  /** Recipe keys as TRL names them; what is not set has the preset's value or the default. */
  values = $state.raw<Draft['values']>({});
  loaded = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Reads what was kept, once. */
  async load(): Promise<void> {
    if (this.loaded) return;
    const kept = await host.call('draft.load', {});
    if (kept.ok && kept.value) {
      this.method = kept.value.method;
      this.preset = kept.value.preset;
      this.values = kept.value.values;
    }
    this.loaded = true;
  }

  /** Sets recipe keys; undefined takes a key back to the preset's value or the default. */
  set(changes: Readonly<Record<string, Value | undefined>>): void {
    const all = Object.entries({ ...this.values, ...changes });
    this.values = Object.fromEntries(all.filter((entry): entry is [string, Value] => entry[1] !== undefined));
    this.#saveSoon();
  }

  /** Takes another method, preset or set of values in one go. */
  replace(draft: Partial<Draft>): void {
    if (draft.method !== undefined) this.method = draft.method;
    if (draft.preset !== undefined) this.preset = draft.preset;
    if (draft.values !== undefined) this.values = draft.values;
    this.#save();
  }

  /** Text of a key, "" where it is not set. */
  text(key: string): string {
    const value = this.values[key];
    return typeof value === 'string' ? value : '';
  }

  #saveSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#save(), SAVE_AFTER_MS);
  }

  #save(): void {
    clearTimeout(this.#timer);
    const { method, preset, values } = this;
    void host.call('draft.save', { method, preset, values });
  }
}

export const draft = new NewRunDraft();
