// The answer to one command, asked again whenever the history changes.
import type { CommandInput, CommandName, CommandOutput, CommandResult } from '../../preload/contract.ts';
import { host } from './host.ts';

type Failure = Extract<CommandResult<never>, { ok: false }>['error'];

export class LiveAnswer<C extends CommandName> {
  /** The newest answer; null before the first. It stays while a later call fails. */
  value = $state.raw<CommandOutput<C> | null>(null);
  failure = $state.raw<Failure | null>(null);

  readonly #command: C;
  readonly #input: () => CommandInput<C>;
  readonly #onAnswer: ((value: CommandOutput<C>) => void) | undefined;
  #asking = false;
  #askAgain = false;

  /** `input` as a function is asked before each call; `onAnswer` gets every answer. */
  constructor(
    command: C,
    input: CommandInput<C> | (() => CommandInput<C>),
    onAnswer?: (value: CommandOutput<C>) => void,
  ) {
    this.#command = command;
    this.#input = isFunction(input) ? input : () => input;
    this.#onAnswer = onAnswer;
  }

  /** Asks now and after each change until the returned function is called. Use it as an effect. */
  follow(): () => void {
    void this.ask();
    return host.onEvent(({ type }) => {
      if (type === 'history-changed') void this.ask();
    });
  }

  /** One call at a time: changes during a call lead to exactly one more. */
  async ask(): Promise<void> {
    if (this.#asking) {
      this.#askAgain = true;
      return;
    }
    this.#asking = true;
    do {
      this.#askAgain = false;
      const result = await host.call(this.#command, this.#input());
      if (result.ok) {
        this.value = result.value;
        this.#onAnswer?.(result.value);
      }
      this.failure = result.ok ? null : result.error;
      // eslint sees no other writer, but calls that came meanwhile set it.
    } while (this.#askedMeanwhile());
    this.#asking = false;
  }

  #askedMeanwhile(): boolean {
    return this.#askAgain;
  }
}

/** Inputs of commands are objects of data. */
function isFunction<Value>(input: Value | (() => Value)): input is () => Value {
  return typeof input === 'function';
}
