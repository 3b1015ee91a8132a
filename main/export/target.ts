// What every export target is: a name, a line for a list, and a way to write itself into a folder.
import type { Metrics } from '../../preload/contract.ts';
import type { DataSummary } from '../checkpoints/data-summary.ts';
import type { MergedDType, MergeHooks } from '../checkpoints/merged-model.ts';
import type { LossHistory } from '../checkpoints/model-card.ts';
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
  /** Up to that step. */
  history: LossHistory;
  /** Undefined for runs of versions that did not keep it. */
  data: DataSummary | undefined;
  /** Where on the Hub it will be: "ada/otter". */
  hubId?: string | undefined;
};

export type ExportSettings = {
  dtype: MergedDType;
  /** A larger model is cut into several files. */
  maxShardBytes: number;
};

export type ExportTarget = {
  name: string;
  /** Completes "<name>: …" in a list. */
  description: string;
  /** Names of the files that it writes: they, and no others, may be replaced in a folder. */
  files: RegExp;
  /** Writes everything or nothing. `folder` is missing, empty, or may be written over. */
  write(source: ExportSource, folder: string, settings: ExportSettings, hooks: MergeHooks): Promise<void>;
};
