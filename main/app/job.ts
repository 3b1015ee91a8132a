// What app/ asks of a host: to start a job process and to pass on what it says. Hosts know how (fork, utilityProcess).
import type { JobRecord } from '../../preload/contract.ts';
import type { JobSpec } from '../training/job.ts';

/** How a job process ended: an exit code, or the signal that ended it. */
export type JobExit = { code: number | null; signal: string | null };

export type JobHandle = {
  /** The id of the process, once it has one; undefined where it could not be started. */
  spawned: Promise<number | undefined>;
  /** Asks the job to stop after the current step and to save. */
  stop(): void;
  /** Ends the process at once. */
  kill(): void;
  /** Fulfilled once the process is gone and its last record was delivered. */
  exited: Promise<JobExit>;
};

/** Starts the job's own process. What the process prints goes to the file `log`. */
export type LaunchJob = (job: JobSpec, options: JobOptions) => JobHandle;

export type JobOptions = {
  onRecord: (record: JobRecord) => void;
  log: string;
  /** Variables that the process gets beside those of this one. */
  environment?: Readonly<Record<string, string>>;
};
