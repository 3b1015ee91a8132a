// What a training method brings to the one loop: rows that become batches, an objective, and the numbers it reports.
// One file per method; prepare.ts picks it.
import type { JobRecord, Metrics } from '../../../preload/contract.ts';
import type { DataReport } from '../../data/load-dataset.ts';
import type { TextTokenizer } from '../../data/tokenizer.ts';
import type { Batch } from '../../data/types.ts';
import type { Objective } from '../../engine/losses/objective.ts';
import type { BatchResult, Stepper } from '../stepper.ts';

/** Rows to train or evaluate on. */
export type Rows = {
  readonly length: number;
  /** Tokens of each row. */
  readonly lengths: readonly number[];
  batch(rows: ArrayLike<number>): Batch;
};

export type MethodContext = {
  tokenizer: TextTokenizer;
  cacheDir: string;
  /** The weights' fingerprint, computed when asked for. */
  modelFingerprint: () => string;
  post: (record: JobRecord) => void;
  signal: AbortSignal;
  /** Of the job. */
  halvings: number | undefined;
};

export type LoadedMethod = {
  objective: Objective;
  train: Rows;
  evaluation: Rows | undefined;
  report: DataReport;
  /** Positions that the longest row takes. */
  longest: number;
  /** Labels that a batch of so many rows may have. */
  labelsOfBatch(rows: number): number;
  /** What can only be done with the model as it starts. */
  begin?(stepper: Stepper): Promise<void>;
  /** What the loss of each micro-batch of a step is multiplied with, so that their sum is the step's loss. */
  scales(batches: readonly Batch[]): number[];
  /** A batch of some rows of a micro-batch, so that the losses of all its parts add up to its own; as it is where absent. */
  partOf?(part: Batch, whole: Batch): Batch;
  /** The metrics of a micro-batch beside its loss; logs show their means. */
  metrics(batch: Batch, result: BatchResult): Metrics;
  /** Looks at every step's loss and metrics; what it returns becomes a warning. */
  watch?(loss: number, metrics: Metrics): string | undefined;
};
