// What the page of one run asks for beside its history: what lies on disk, what its process uses, its recipe to take along.
import { z } from 'zod';
import { draft } from './drafts.ts';

const ofRun = z.strictObject({ id: z.string() });

/** What the process that trains uses of the machine. */
export const processUsage = z.object({
  /** Resident memory. */
  memoryBytes: z.number(),
  /** Of the whole machine. */
  totalMemoryBytes: z.number(),
  /** Cores kept busy since the last answer, 1.5 for one and a half; null in the first answer. */
  busyCores: z.number().nullable(),
  cores: z.number(),
});
export type ProcessUsage = z.infer<typeof processUsage>;

export const runPageCommands = {
  /** Null where no process trains, and where the system does not tell. */
  'run.usage': { input: ofRun, output: processUsage.nullable() },
  /** The end of what the job process has printed. `isWhole` is false where more stands before it. */
  'run.log': { input: ofRun, output: z.object({ text: z.string(), path: z.string(), isWhole: z.boolean() }) },
  /** The recipe as YAML, as TRL reads it. */
  'run.yaml': { input: ofRun, output: z.object({ yaml: z.string() }) },
  /** A draft with this run's method and what its recipe sets, but for its name and output folder. */
  'run.again': { input: ofRun, output: draft },
  /** Sizes of the run's checkpoints and output folder, by path; those that are not there are left out. */
  'run.sizes': { input: ofRun, output: z.record(z.string(), z.number()) },
};
