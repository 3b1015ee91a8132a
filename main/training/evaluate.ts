// Runs the evaluation rows through the model.
import type { Metrics } from '../../preload/contract.ts';
import { collate } from '../data/batches.ts';
import type { TokenizedDataset } from '../data/types.ts';
import type { Stepper } from './stepper.ts';

export type EvaluationOptions = {
  batchSize: number;
  epoch: number;
  onProgress: (done: number, total: number) => void;
  /** Asked between batches; true ends the evaluation without a result. */
  stopRequested: () => boolean;
};

/**
 * eval_loss is Trainer's: the mean over rows of their batch's token mean. Accuracy is the mean over batches.
 * Undefined when stopped.
 */
export async function evaluate(
  stepper: Stepper,
  dataset: TokenizedDataset,
  { batchSize, epoch, onProgress, stopRequested }: EvaluationOptions,
): Promise<Metrics | undefined> {
  const started = performance.now();
  let lossSum = 0;
  let accuracySum = 0;
  let batches = 0;
  for (let start = 0; start < dataset.length; start += batchSize) {
    if (stopRequested()) return undefined;
    const rows = Array.from({ length: Math.min(batchSize, dataset.length - start) }, (_, i) => dataset.read(start + i));
    const batch = collate(rows);
    const labels = Math.max(1, batch.labelIds.length);
    const { loss, correct } = await stepper.evaluate(batch, 1 / labels);
    lossSum += loss * rows.length;
    accuracySum += correct / labels;
    batches += 1;
    onProgress(start + rows.length, dataset.length);
  }
  const seconds = (performance.now() - started) / 1000;
  return {
    eval_loss: lossSum / dataset.length,
    eval_mean_token_accuracy: accuracySum / Math.max(1, batches),
    eval_runtime: seconds,
    eval_samples_per_second: dataset.length / seconds,
    eval_steps_per_second: batches / seconds,
    epoch,
  };
}
