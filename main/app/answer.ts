// Answers what a window asks, as the contract has it. Which channel the question came through is the host's affair.
import { commandRequest, commands, type CommandName, type CommandResult } from '../../preload/contract.ts';
import { messageOf, UserError } from '../errors.ts';
import { cudaAnswers } from './answers/cuda.ts';
import { dataAnswers } from './answers/data.ts';
import { draftAnswers } from './answers/drafts.ts';
import { exportAnswers } from './answers/exports.ts';
import { fileAnswers } from './answers/files.ts';
import { generationAnswers } from './answers/generation.ts';
import { hostAnswers } from './answers/host.ts';
import { hubAnswers } from './answers/hub.ts';
import { modelAnswers } from './answers/models.ts';
import { runPageAnswers } from './answers/run-page.ts';
import { recipeAnswers } from './answers/recipes.ts';
import { runAnswers } from './answers/runs.ts';
import { settingsAnswers } from './answers/settings.ts';
import { uploadAnswers } from './answers/uploads.ts';
import type { Answers, Call } from './answers/answers.ts';
import type { App } from './app.ts';

const answers: Answers<CommandName> = {
  ...cudaAnswers,
  ...dataAnswers,
  ...draftAnswers,
  ...exportAnswers,
  ...fileAnswers,
  ...generationAnswers,
  ...hostAnswers,
  ...hubAnswers,
  ...modelAnswers,
  ...runPageAnswers,
  ...recipeAnswers,
  ...runAnswers,
  ...settingsAnswers,
  ...uploadAnswers,
};

/**
 * The answer to a request as it came over the border, unchecked; never throws. A UserError becomes a refusal, so does a
 * request outside the contract. Any other error is a bug: it goes to stderr with its stack, and the window is told.
 */
export async function answer(app: App, request: unknown): Promise<CommandResult<unknown>> {
  const parsed = commandRequest.safeParse(request);
  if (!parsed.success || !isCommand(parsed.data.command)) return outsideContract('there is no such command');
  const { command, input, task } = parsed.data;
  if (task !== undefined && app.calls.has(task)) return outsideContract(`the name ${task} is taken by another call`);
  const abort = new AbortController();
  if (task !== undefined) app.calls.set(task, abort);
  try {
    return await answerCommand(app, command, input, {
      signal: abort.signal,
      tell: (progress) => {
        if (task !== undefined) app.tell({ type: 'task-progress', task, ...progress });
      },
    });
  } catch (error) {
    if (abort.signal.aborted) return { ok: false, error: cancelled };
    if (error instanceof UserError) return { ok: false, error: error.toWindow() };
    console.error(error);
    return { ok: false, error: bug(command, error) };
  } finally {
    if (task !== undefined) app.calls.delete(task);
  }
}

async function answerCommand(
  app: App,
  command: CommandName,
  input: unknown,
  call: Call,
): Promise<CommandResult<unknown>> {
  const parsed = commands[command].input.safeParse(input);
  if (!parsed.success) {
    const reasons = parsed.error.issues.map(({ path, message }) => [...path, message].join(' '));
    return outsideContract(`${command}: ${reasons.join('; ')}`);
  }
  const handler = answers[command] as (app: App, input: unknown, call: Call) => unknown;
  return { ok: true, value: await handler(app, parsed.data, call) };
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

const cancelled = { code: 'cancelled', message: 'This was cancelled.', fix: 'Start it again when you want it.' };

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

function bug(command: string, error: unknown) {
  return {
    code: 'internal',
    message: `Lorelei made a mistake while answering ${command}: ${messageOf(error)}`,
    fix: 'Nothing that was saved is lost. Try again; if it happens again, report it with what you did before.',
  };
}
