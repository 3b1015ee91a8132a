// Work that a window waits for and that would hold up the host: tokenizing, generating, writing models. Each errand has
// a process of its own, which ends with it; cancelling ends the process. One that has loaded a model can be kept.
import type { TaskProgress } from '../../preload/contract.ts';
import type { ErrandInput, ErrandName, ErrandOutput } from './errands.ts';

export type ErrandHooks = {
  onProgress: (progress: Omit<TaskProgress, 'type' | 'task'>) => void;
  /** Ends the process at once; the errand then fails with the signal's reason. A kept process only gives it up. */
  signal: AbortSignal;
  /**
   * What the errand loads: its process stays a while for another errand that loads the same. At most one is kept, and
   * only between calls.
   */
  keep?: string;
  /**
   * The process is not ended after its answer but asked to end by itself, and this hears how it did: "exit code 0",
   * "SIGSEGV", or that it had to be killed. Called after the answer, and only where there is one.
   */
  onEnd?: (how: string) => void;
};

/**
 * Runs an errand in another process. Rejects with the UserError that the errand threw, and with a UserError
 * "errand-died" where its process ended without an answer.
 */
export type LaunchErrand = <E extends ErrandName>(
  errand: E,
  input: ErrandInput<E>,
  hooks: ErrandHooks,
) => Promise<ErrandOutput<E>>;

/** What a host that shows windows can do about errands. */
export type Errands = {
  launchErrand: LaunchErrand;
  /** Gives back the memory of a kept process: ends it, at once or when it has answered. */
  coolErrands: () => void;
};
