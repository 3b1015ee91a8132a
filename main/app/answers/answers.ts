// What an answer to a command is made with: the app, the checked input, and the call it belongs to.
import type { CommandInput, CommandName, CommandOutput, TaskProgress } from '../../../preload/contract.ts';
import type { App } from '../app.ts';

/** The call that is being answered. */
export type Call = {
  /** Aborted when the window cancels the call. */
  signal: AbortSignal;
  /** Tells the window how far it is. */
  tell: (progress: Omit<TaskProgress, 'type' | 'task'>) => void;
};

/** One answer for each of these commands. They throw UserError for what a person can mend. */
export type Answers<Names extends CommandName> = {
  [C in Names]: (app: App, input: CommandInput<C>, call: Call) => CommandOutput<C> | Promise<CommandOutput<C>>;
};
