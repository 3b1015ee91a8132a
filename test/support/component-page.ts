// Makes the page of a component test: the program behind it answers as it does behind the window, unless a test answers
// for it. Runs before the files of the tests, since the page looks for its host once.
import { commands } from 'vitest/browser';
import type { AppEvent, Bridge, CommandInput, CommandName, CommandResult } from '../../preload/contract.ts';
import '../../renderer/ui/theme.css';

type Answer = (input: unknown) => unknown;

declare module 'vitest/browser' {
  interface BrowserCommands {
    answerInHost: (request: unknown) => Promise<CommandResult<unknown>>;
    fileInHost: (name: string, content: string) => Promise<string>;
  }
}

type State = {
  asked: { command: CommandName; input: unknown }[];
  own: Map<CommandName, Answer>;
  listeners: Set<(event: AppEvent) => void>;
};

// The runner loads this file twice: before the tests, and where a test imports it. Both mean the same page.
const shared = globalThis as { componentPage?: State };
const fresh: State = { asked: [], own: new Map(), listeners: new Set() };
const { asked: all, own, listeners } = (shared.componentPage ??= fresh);

/** What the host was asked, in order; emptied by whoever looks. */
export const asked = all;

/** From now on `make` answers this command, in place of the program. */
export function answerFor<C extends CommandName>(command: C, make: (input: CommandInput<C>) => unknown): void {
  own.set(command, make as Answer);
}

/** Tells the page what the program would. */
export function tell(event: AppEvent): void {
  for (const listener of listeners) listener(event);
}

const bridge: unknown = {
  async call(command: CommandName, input: unknown) {
    asked.push({ command, input });
    const make = own.get(command);
    return make ? { ok: true, value: make(input) } : commands.answerInHost({ command, input });
  },
  onEvent(listener: (event: AppEvent) => void) {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
};

window.lorelei ??= bridge as Bridge;
