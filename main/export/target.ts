// What every export target is: a name, a line for a list, and a way to write itself into a folder.
import type { Metrics } from '../../preload/contract.ts';
import type { Recipe } from '../recipe/recipe.ts';

/** What is exported: an adapter of a run, and where it comes from. */
export type ExportSource = {
  /** Holds the adapter in PEFT's format; tokenizer files may lie beside it. */
  adapterFolder: string;
  recipe: Recipe;
  /** Optimizer steps behind this adapter. */
  step: number;
  /** Metrics at that step, by TRL's names. */
  metrics: Metrics;
};

export type ExportTarget = {
  name: string;
  /** Completes "<name>: …" in a list. */
  description: string;
  /** Writes everything or nothing. `folder` is missing, empty, or may be written over. */
  write(source: ExportSource, folder: string): void;
};
