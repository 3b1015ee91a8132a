// What a job process is asked to do.
import type { Recipe } from '../recipe/recipe.ts';

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
  /** For what can be made again: tokenized rows. */
  cacheDir: string;
};

/** A file of this name in the run's folder asks the job to stop after the current step and to save. */
export const stopRequestFile = 'stop-requested';
