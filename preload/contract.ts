// The contract: everything that crosses the border between a window and the program behind it. A command has a name, an
// input and an output; what the program tells unasked is an event. One file per area, gathered here. The renderer knows
// nothing else of main.
import { z } from 'zod';
import { cudaChanged, cudaCommands } from './contract/cuda.ts';
import { dataCommands } from './contract/data.ts';
import { draftCommands } from './contract/drafts.ts';
import { jobRecord, type ErrorDetails } from './contract/records.ts';
import { exportCommands } from './contract/exports.ts';
import { fileCommands } from './contract/files.ts';
import { generationCommands } from './contract/generation.ts';
import { hostCommands } from './contract/host.ts';
import { downloadsChanged, hubCommands } from './contract/hub.ts';
import { modelCommands } from './contract/models.ts';
import { runPageCommands } from './contract/run-page.ts';
import { recipeCommands } from './contract/recipes.ts';
import { runCommands } from './contract/runs.ts';
import { settingsCommands } from './contract/settings.ts';
import { taskProgress } from './contract/tasks.ts';
import { uploadCommands } from './contract/uploads.ts';

export * from './contract/cuda.ts';
export * from './contract/data.ts';
export * from './contract/drafts.ts';
export * from './contract/exports.ts';
export * from './contract/files.ts';
export * from './contract/generation.ts';
export * from './contract/host.ts';
export * from './contract/hub.ts';
export * from './contract/models.ts';
export * from './contract/records.ts';
export * from './contract/run-page.ts';
export * from './contract/recipes.ts';
export * from './contract/runs.ts';
export * from './contract/settings.ts';
export * from './contract/tasks.ts';
export * from './contract/uploads.ts';

/** What the renderer may ask for, over one channel: command -> its input and its output. */
export const commands = {
  ...cudaCommands,
  ...dataCommands,
  ...draftCommands,
  ...exportCommands,
  ...fileCommands,
  ...generationCommands,
  ...hostCommands,
  ...hubCommands,
  ...modelCommands,
  ...runPageCommands,
  ...recipeCommands,
  ...runCommands,
  ...settingsCommands,
  ...uploadCommands,
};
export type Commands = typeof commands;
export type CommandName = keyof Commands;
type Inputs = { [C in CommandName]: z.infer<Commands[C]['input']> };
type Outputs = { [C in CommandName]: z.infer<Commands[C]['output']> };
export type CommandInput<C extends CommandName> = Inputs[C];
export type CommandOutput<C extends CommandName> = Outputs[C];

/** `task` is a name of the asker's choice under which progress is told and the command can be cancelled. */
export const commandRequest = z.strictObject({
  command: z.string(),
  input: z.unknown(),
  task: z.string().min(1).max(64).optional(),
});

/** Exceptions do not cross the border whole, so a refusal is a value. */
export type CommandResult<T> = { ok: true; value: T } | { ok: false; error: ErrorDetails };

/** Sent to the renderer, unasked. */
export const appEvent = z.discriminatedUnion('type', [
  /** Something in the history changed: ask again for what is on the screen. */
  z.object({ type: z.literal('history-changed') }),
  /** What the job of a run said, gathered over a tenth of a second, of runs that this program follows. */
  z.object({ type: z.literal('run-records'), run: z.string(), records: z.array(jobRecord) }),
  taskProgress,
  downloadsChanged,
  cudaChanged,
]);
export type AppEvent = z.infer<typeof appEvent>;

/** The only thing that the page can see of its host. */
export type Bridge = {
  call<C extends CommandName>(
    command: C,
    input: CommandInput<C>,
    task?: string,
  ): Promise<CommandResult<CommandOutput<C>>>;
  /**
   * The paths of files that were dropped on the page, which it may use from then on. Only the desktop app can tell them;
   * a file that the page made up has none.
   */
  dropped?(files: File[]): Promise<CommandResult<{ paths: string[] }>>;
  /** Returns the function that ends the subscription. */
  onEvent(listener: (event: AppEvent) => void): () => void;
};
