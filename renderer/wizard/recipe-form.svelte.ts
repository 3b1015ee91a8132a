// What can be set, what is wrong with what was set, and what counts in the end: asked of the host as the draft changes.
import type {
  CommandOutput,
  Draft,
  ErrorDetails,
  KeyDescription,
  Preset,
  RecipeCheck,
} from '../../preload/contract.ts';
import { host } from '../state/host.ts';
import { draft } from './draft.svelte.ts';

type Value = Draft['values'][string];

const CHECK_AFTER_MS = 150;

class RecipeForm {
  #description = $state.raw<CommandOutput<'recipe.describe'> | null>(null);
  #describedMethod = '';
  check = $state.raw<RecipeCheck | null>(null);
  failure = $state.raw<ErrorDetails | null>(null);

  readonly methods = $derived(this.#description?.methods ?? []);
  readonly keys = $derived(this.#description?.keys ?? []);
  readonly presets = $derived(this.#description?.presets ?? []);
  readonly preset = $derived<Preset | undefined>(this.presets.find(({ name }) => name === draft.preset));

  /** Asks now and after each change of the draft. Use it as an effect. */
  follow(): () => void {
    const given = { method: draft.method, preset: draft.preset, values: draft.values };
    const timer = setTimeout(() => void this.#ask(given), this.check === null ? 0 : CHECK_AFTER_MS);
    return () => clearTimeout(timer);
  }

  async #ask(given: Draft): Promise<void> {
    if (this.#describedMethod !== given.method) {
      const described = await host.call('recipe.describe', { method: given.method });
      if (!described.ok) return void (this.failure = described.error);
      this.#describedMethod = given.method;
      this.#description = described.value;
    }
    const checked = await host.call('recipe.check', given);
    if (given.values !== draft.values || given.method !== draft.method || given.preset !== draft.preset) return;
    this.failure = checked.ok ? null : checked.error;
    if (checked.ok) this.check = checked.value;
  }

  describe(key: string): KeyDescription | undefined {
    return this.keys.find((one) => one.key === key);
  }

  /** What it is without a word of the person: the preset's, else the default. */
  baseOf(key: string): Value {
    return this.preset?.values[key] ?? this.describe(key)?.fallback ?? null;
  }

  valueOf(key: string): Value {
    // Null is a value of its own: max_length: null keeps rows whole.
    return draft.values[key] === undefined ? this.baseOf(key) : draft.values[key];
  }

  isChanged(key: string): boolean {
    return key in draft.values;
  }

  /** Sets a key; what it would be anyway is not kept. */
  set(key: string, value: Value | undefined): void {
    const same = value !== undefined && JSON.stringify(value) === JSON.stringify(this.baseOf(key));
    draft.set({ [key]: same ? undefined : value });
  }

  problemOf(key: string): string | null {
    const problem = this.check?.problems.find((one) => one.key === key)?.error;
    return problem === undefined ? null : `${problem.message} ${problem.fix}`;
  }

  /** The step in which a key is set. */
  stepOf(key: string | null): string {
    if (key === 'model_name_or_path' || key === 'adapter_name_or_path') return 'model';
    return key !== null && inData.has(key) ? 'data' : 'settings';
  }

  /** Whether something is wrong that is set in this step. */
  mendIn(step: string): boolean {
    return this.check?.problems.some(({ key }) => this.stepOf(key) === step) === true;
  }

  /** Changes the method and keeps what both know. */
  async choose(method: string): Promise<void> {
    if (method === draft.method) return;
    const described = await host.call('recipe.describe', { method });
    if (!described.ok) return void (this.failure = described.error);
    const known = new Set(described.value.keys.map(({ key }) => key));
    const kept = Object.entries(draft.values).filter(([key]) => known.has(key) && !ownMeaning.has(key));
    const preset = described.value.presets.find(({ name }) => name === (draft.preset ?? 'balanced'));
    draft.replace({ method, preset: preset?.name ?? null, values: Object.fromEntries(kept) });
  }
}

const inData = new Set(['dataset_name', 'eval_dataset_name', 'test_split_size', 'columns', 'template']);

/** Keys that methods share by name but not by meaning. */
const ownMeaning = new Set(['loss_type', 'beta', 'learning_rate']);

export const recipeForm = new RecipeForm();
