// A command that takes long, as state: how far it is, what came of it, and a way to cancel it.
import type { CommandInput, CommandName, CommandOutput, ErrorDetails, TaskProgress } from '../../preload/contract.ts';
import { host } from './host.ts';

export class LongCall<C extends CommandName> {
  value = $state.raw<CommandOutput<C> | null>(null);
  failure = $state.raw<ErrorDetails | null>(null);
  progress = $state.raw<TaskProgress | null>(null);
  running = $state(false);

  readonly #command: C;
  #task = '';

  constructor(command: C) {
    this.#command = command;
  }

  /**
   * Asks, cancelling an earlier call that still runs. `onText` gets what comes piece by piece, and what was told with it. Returns the value, or
   * null where it failed, was cancelled or was overtaken by another call.
   */
  async run(
    input: CommandInput<C>,
    onText?: (text: string, progress: TaskProgress) => void,
  ): Promise<CommandOutput<C> | null> {
    this.cancel();
    const task = crypto.randomUUID();
    this.#task = task;
    this.running = true;
    this.failure = null;
    this.progress = null;
    const stopHearing = host.onEvent((event) => {
      if (event.type !== 'task-progress' || event.task !== task) return;
      if (event.text !== undefined) onText?.(event.text, event);
      if (this.#task === task) this.progress = event;
    });
    const result = await host.call(this.#command, input, task);
    stopHearing();
    if (this.#task !== task) return null;
    this.#task = '';
    this.running = false;
    this.progress = null;
    if (result.ok) this.value = result.value;
    else if (result.error.code !== 'cancelled') this.failure = result.error;
    return result.ok ? result.value : null;
  }

  /** Ends the call that runs, if any. What it gave before stays. */
  cancel(): void {
    if (this.#task === '') return;
    void host.call('task.cancel', { task: this.#task });
    this.#task = '';
    this.running = false;
    this.progress = null;
  }
}
