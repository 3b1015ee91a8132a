// Answers what a window asks, as the contract has it. Which channel the question came through is the host's affair.
import {
  commandRequest,
  commands,
  type CommandInput,
  type CommandName,
  type CommandOutput,
  type CommandResult,
} from '../../preload/contract.ts';
import { UserError } from '../errors.ts';
import type { App } from './app.ts';
import { listRuns, showRun } from './show-runs.ts';

type Handlers = { [C in CommandName]: (app: App, input: CommandInput<C>) => CommandOutput<C> };

const handlers: Handlers = {
  'runs.list': (app) => listRuns(app),
  'run.show': (app, { id }) => showRun(app, id),
};

/**
 * The answer to a request as it came over the border, unchecked. A UserError becomes a refusal; a request outside the
 * contract is refused too. Any other error is a bug and is thrown.
 */
export function answer(app: App, request: unknown): CommandResult<unknown> {
  const parsed = commandRequest.safeParse(request);
  if (!parsed.success || !isCommand(parsed.data.command)) return outsideContract('there is no such command');
  try {
    return answerCommand(app, parsed.data.command, parsed.data.input);
  } catch (error) {
    if (error instanceof UserError) return { ok: false, error: error.toDetails() };
    throw error;
  }
}

function answerCommand<C extends CommandName>(app: App, command: C, input: unknown): CommandResult<CommandOutput<C>> {
  const parsed = commands[command].input.safeParse(input);
  if (!parsed.success) return outsideContract(`${command}: ${parsed.error.issues.map((i) => i.message).join('; ')}`);
  return { ok: true, value: handlers[command](app, parsed.data as CommandInput<C>) };
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

function outsideContract(reason: string): CommandResult<never> {
  return {
    ok: false,
    error: {
      code: 'bad-request',
      message: `The window asked for something that Lorelei does not offer (${reason}).`,
      fix: 'Close the window and open it again, so that both are of the same version.',
    },
  };
}
