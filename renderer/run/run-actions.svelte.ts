// What a person can do to a run, with what went wrong. What comes of it is seen in the run's next overview.
import type { CommandInput, CommandName, ErrorDetails, RunStatus } from '../../preload/contract.ts';
import { host } from '../state/host.ts';
import { linkTo, route } from '../state/route.svelte.ts';
import { toasts } from '../state/toasts.svelte.ts';
import { draft } from '../wizard/draft.svelte.ts';

export class RunActions {
  failure = $state.raw<ErrorDetails | null>(null);
  /** What was asked of the run, while its status does not show it yet. */
  #asked = $state.raw<{ action: 'pause' | 'resume'; from: RunStatus } | null>(null);
  readonly #id: string;

  constructor(id: string) {
    this.#id = id;
  }

  /** Whether a run with this status is about to follow what was asked. */
  isDoing(action: 'pause' | 'resume', status: RunStatus): boolean {
    return this.#asked?.action === action && this.#asked.from === status;
  }

  async pause(from: RunStatus): Promise<void> {
    this.#asked = { action: 'pause', from };
    if (!(await this.#tell('run.stop', { id: this.#id }))) this.#asked = null;
  }

  async resume(from: RunStatus): Promise<void> {
    this.#asked = { action: 'resume', from };
    if (!(await this.#tell('run.resume', { id: this.#id }))) this.#asked = null;
  }

  kill = (): Promise<boolean> => this.#tell('run.kill', { id: this.#id });

  change = (changes: Omit<CommandInput<'run.change'>, 'id'>): Promise<boolean> =>
    this.#tell('run.change', { id: this.#id, ...changes });

  /** Puts the run's recipe into the wizard and goes there. The draft that was there can be brought back. */
  async again(): Promise<void> {
    const answer = await host.call('run.again', { id: this.#id });
    this.failure = answer.ok ? null : answer.error;
    if (!answer.ok) return;
    await draft.load();
    const { method, preset, values } = draft;
    draft.replace(answer.value);
    route.go(linkTo(['new']));
    const wasEmpty = Object.keys(values).length === 0;
    toasts.show(
      `The new run begins with the recipe of ${this.#id}`,
      wasEmpty ? undefined : { text: 'Back to my draft', run: () => draft.replace({ method, preset, values }) },
    );
  }

  async #tell<C extends CommandName>(command: C, input: CommandInput<C>): Promise<boolean> {
    const answer = await host.call(command, input);
    this.failure = answer.ok ? null : answer.error;
    return answer.ok;
  }
}
