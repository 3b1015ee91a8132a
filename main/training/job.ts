// What a job process is asked to do.
import type { Recipe } from '../recipe/recipe.ts';
import type { TriedFormats } from './precision.ts';

/** Where a run trains, decided before its process is started. */
export type JobDevice = {
  /** As recipes name it: "cuda:1". */
  name: string;
  /** Why this one, in words that follow a colon. */
  reason: string;
  /** The 16-bit formats that its trial has shown it to compute in. */
  formats?: TriedFormats;
};

export type JobSpec = {
  runId: string;
  /** Paths in it are absolute. */
  recipe: Recipe;
  /** Where checkpoints go. */
  runDir: string;
  /** Where the finished adapter goes. */
  outputDir: string;
  /** Folder of the checkpoint to continue from. */
  resumeFrom?: string;
  /** Absent: what the recipe names. */
  device?: JobDevice;
  /** How often batches are halved from the start, where the machine has shown that it does not reach for them. */
  halvings?: number;
  /** For what can be made again: tokenized rows. */
  cacheDir: string;
};

/** A file of this name in the run's folder asks the job to stop after the current step and to save. */
export const stopRequestFile = 'stop-requested';
