// What every tracker is: a name, and a way to send the log of a run somewhere. When to send, what to do about failures
// and what a person is told is for delivery.ts to say.
import type { Metrics } from '../../preload/contract.ts';
import type { TrackerState } from './state-file.ts';

/** A run, as a tracker needs to know it. */
export type TrackedRun = {
  id: string;
  /** run_name of the recipe. */
  name?: string;
  /** "sft", "dpo" … */
  method: string;
  modelName: string;
  /** The recipe's keys and values. */
  parameters: Readonly<Record<string, unknown>>;
  /** Where the finished adapter goes. */
  outputDir: string;
  /** Queues and states of trackers lie in a folder in it. */
  runDir: string;
};

export type TrackedEnd = 'completed' | 'stopped' | 'failed' | 'interrupted';

/** What is tracked, in order. `at` is milliseconds since 1970, metric names are TRL's. */
export type TrackerEntry =
  | { type: 'start'; at: number; step: number }
  | { type: 'metrics'; at: number; step: number; metrics: Metrics }
  | { type: 'end'; at: number; status: TrackedEnd };

/** What a person may be told about a tracker, as an event of the run. */
export type Tell = (message: string, level: 'info' | 'warning' | 'error') => void;

/**
 * Looks a secret up by the name of its environment variable. Hosts say where: the environment, a keychain of the
 * system. Nothing that it returns may be written anywhere. Throws UserError where the keychain could not be asked.
 */
export type ReadSecret = (name: string) => string | undefined | Promise<string | undefined>;

export type Environment = Readonly<Record<string, string | undefined>>;

export type TrackerContext = {
  environment: Environment;
  readSecret: ReadSecret;
  /** What has to outlive this process: the key of the experiment, the folder of the log. */
  state: TrackerState;
  /** Aborted when nobody waits any longer. */
  signal: AbortSignal;
  /** How long one request may take. */
  requestMs: number;
  /** Something was left out that the tracker does not take. Told once. */
  leaveOut: (reason: string) => void;
};

export type Tracker = {
  /**
   * Readies the place where the log goes; called before anything is sent, again when it failed. Returns where that is,
   * completing "Comet: …". Throws DeliveryError.
   */
  connect(): Promise<string>;
  /** Sends entries in order. Those of a call that failed come again, so some may arrive twice. Throws DeliveryError. */
  send(entries: readonly TrackerEntry[]): Promise<void>;
  /** Says that the run is alive; called every `beatMs`. Throws DeliveryError. */
  beat?(): Promise<void>;
  close?(): Promise<void>;
};

export type TrackerSetup = {
  /** Where logs go with this environment, without secrets in it. */
  place: (environment: Environment) => string;
  /** Names for ReadSecret. */
  secrets: readonly string[];
  /** False where only protected servers ask for them. */
  needsSecrets: boolean;
  /** Environment variables that change where logs go. */
  variables: readonly string[];
};

export type TrackerTarget = {
  /** As report_to has it. */
  name: string;
  /** As a person knows it. */
  title: string;
  /** False where a log on this machine is written: a queue on the same disk would help nobody. */
  queuesOnDisk: boolean;
  /** Entries in one call of send, at most. */
  batch: number;
  beatMs?: number;
  /** What a person may have to set up. */
  setup: TrackerSetup;
  create(run: TrackedRun, context: TrackerContext): Tracker;
};

/**
 * "unreachable": may work later. "blocked": will not work before a person changes something. "rejected": this piece
 * will never be taken, others may.
 */
export type DeliveryProblem = 'unreachable' | 'blocked' | 'rejected';

/** The message completes "Comet: …" and holds no secret. */
export class DeliveryError extends Error {
  readonly problem: DeliveryProblem;
  /** The server's own name for the error, where it gave one. */
  readonly code: string | undefined;

  constructor(problem: DeliveryProblem, message: string, options: { cause?: unknown; code?: string } = {}) {
    super(message, { cause: options.cause });
    this.name = 'DeliveryError';
    this.problem = problem;
    this.code = options.code;
  }
}
