// The data of the draft: what it says, what its files hold, and what they become as tokens. Asked again as the draft
// changes.
import type { DataSettings, ErrorDetails } from '../../../preload/contract.ts';
import { LongCall } from '../../state/long-call.svelte.ts';
import { host } from '../../state/host.ts';
import { draft } from '../draft.svelte.ts';
import { asFiles } from './file-names.ts';
import { rowsSetAside } from './split-size.ts';

/** Keys that decide how files are read, and those that decide what their rows become. */
const LOOK_KEYS = ['dataset_name', 'dataset_text_field', 'columns', 'template'];
const TOKEN_KEYS = [
  ...LOOK_KEYS,
  'model_name_or_path',
  'adapter_name_or_path',
  'chat_template_path',
  'eos_token',
  'completion_only_loss',
  'assistant_only_loss',
  'max_length',
  'truncation_mode',
  'packing',
  'packing_strategy',
];
const PAUSE_MS = 400;

class DraftDataset {
  /** With the preset and the defaults; null before the first answer. */
  settings = $state.raw<DataSettings | null>(null);
  readonly look = new LongCall('data.look');
  readonly tokens = new LongCall('data.tokenize');
  /** A person stopped the reading. */
  isStopped = $state(false);
  /** max_length while its line is moved; then the draft has it. */
  moved = $state<number | null>(null);

  readonly files = $derived(asFiles(draft.values['dataset_name']));
  readonly kind = $derived<'rows' | 'pairs'>(draft.method === 'sft' ? 'rows' : 'pairs');
  readonly hasModel = $derived(draft.text('model_name_or_path') !== '');
  /** Of the method that the draft has. */
  readonly found = $derived(this.look.value?.[this.kind] ?? null);
  readonly shape = $derived(this.found?.shape ?? null);
  readonly problem = $derived<ErrorDetails | null>(this.look.failure ?? this.found?.problem ?? null);

  readonly #lookKey = $derived(this.#keyOf(LOOK_KEYS));
  readonly #tokenKey = $derived(this.#keyOf(TOKEN_KEYS));
  #looked = '';
  /** What the tokens were asked for with. */
  #tokenized = $state('');

  /** The tokens are those of the draft as it is. */
  readonly isCurrent = $derived(
    this.#tokenized === this.#tokenKey && this.tokens.value !== null && !this.tokens.running && !this.tokens.failure,
  );
  /** Rows that are trained on and not set aside; null where that is not known. */
  readonly trainingRows = $derived.by(() => {
    if (!this.isCurrent || this.isStopped || !this.tokens.value || !this.settings) return null;
    const { length } = this.tokens.value;
    const { testSplitSize } = this.settings;
    return Math.max(0, length - (testSplitSize === null ? 0 : rowsSetAside(length, testSplitSize)));
  });

  /** How large the usable rows are after max_length; null where that is not known. */
  readonly sizes = $derived(
    this.isCurrent && this.tokens.value && this.tokens.value.length > 0 ? this.tokens.value.sizes : null,
  );

  /** Use these as effects. */
  followSettings(): void {
    const given = this.#draft();
    void host.call('data.settings', { draft: given }).then((result) => {
      if (result.ok && given.values === draft.values) this.settings = result.value;
    });
  }

  followFiles(): () => void {
    const key = this.#lookKey;
    if (key === this.#looked) return () => undefined;
    const timer = setTimeout(
      () => {
        this.#looked = key;
        void this.lookAgain();
      },
      this.#looked === '' ? 0 : PAUSE_MS / 2,
    );
    return () => clearTimeout(timer);
  }

  followTokens(): () => void {
    const key = this.#tokenKey;
    const ready = this.hasModel && this.files.length > 0 && this.shape !== null && !this.look.running;
    if (!ready || key === this.#tokenized) return () => undefined;
    const timer = setTimeout(() => this.tokenize(), this.#tokenized === '' ? 0 : PAUSE_MS);
    return () => clearTimeout(timer);
  }

  async lookAgain(): Promise<void> {
    if (this.files.length === 0) {
      this.look.cancel();
      this.look.value = null;
      this.look.failure = null;
      this.tokens.cancel();
      this.tokens.value = null;
      this.#tokenized = '';
      return;
    }
    await this.look.run({ draft: this.#draft() });
    // What it held before says nothing about a file that cannot be read.
    if (this.look.failure) this.look.value = null;
  }

  tokenize(): void {
    this.#tokenized = this.#tokenKey;
    this.isStopped = false;
    void this.tokens.run({ draft: this.#draft() });
  }

  stop(): void {
    this.tokens.cancel();
    this.isStopped = true;
  }

  #draft() {
    const { method, preset, values } = draft;
    return { method, preset, values };
  }

  #keyOf(keys: readonly string[]): string {
    return JSON.stringify([draft.method, draft.preset, keys.map((key) => draft.values[key] ?? null)]);
  }
}

export const dataset = new DraftDataset();
