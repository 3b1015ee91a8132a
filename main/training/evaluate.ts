// Runs the evaluation rows through the model.
import type { Metrics } from '../../preload/contract.ts';
import type { Batch } from '../data/types.ts';
import type { BatchLimit } from './batch-limit.ts';
import { MetricMeans } from './metrics.ts';
import type { LoadedMethod, Rows } from './methods/method.ts';
import { runInParts } from './parts.ts';
import type { BatchResult, Stepper } from './stepper.ts';

export type EvaluationOptions = {
  /** Rows that memory reaches for at once. */
  limit: BatchLimit;
  batchSize: number;
  /** Leave out the rows at the end that fill no batch. */
  dropLast: boolean;
  epoch: number;
  /** Tokens trained on so far. */
  numTokens: number;
  onProgress: (done: number, total: number) => void;
  /** Asked between batches; true ends the evaluation without a result. */
  stopRequested: () => boolean;
};

/**
 * eval_loss is Trainer's: the mean over rows of their batch's loss. The other metrics are means over batches.
 * Undefined when stopped.
 */
export async function evaluate(
  stepper: Stepper,
  method: Pick<LoadedMethod, 'scales' | 'metrics' | 'partOf'>,
  rows: Rows,
  { limit, batchSize, dropLast, epoch, numTokens, onProgress, stopRequested }: EvaluationOptions,
): Promise<Metrics | undefined> {
  const started = performance.now();
  const total = dropLast && rows.length >= batchSize ? rows.length - (rows.length % batchSize) : rows.length;
  const means = new MetricMeans();
  let lossSum = 0;
  let batches = 0;
  for (let start = 0; start < total; start += batchSize) {
    if (stopRequested()) return undefined;
    const count = Math.min(batchSize, total - start);
    const { batch, result } = await evaluateRows(stepper, method, rows, {
      limit,
      rows: Int32Array.from({ length: count }, (_, i) => start + i),
    });
    lossSum += result.loss * count;
    means.add(method.metrics(batch, result));
    batches += 1;
    onProgress(start + count, total);
  }
  const seconds = (performance.now() - started) / 1000;
  const named = Object.entries(means.take()).map(([name, value]) => [`eval_${name}`, value]);
  return {
    eval_loss: lossSum / Math.max(1, total),
    ...(Object.fromEntries(named) as Metrics),
    eval_num_tokens: numTokens,
    eval_runtime: seconds,
    eval_samples_per_second: total / seconds,
    eval_steps_per_second: batches / seconds,
    epoch,
  };
}

/** Loss and scores of these rows as one batch, in as many parts as memory asks for. */
export async function evaluateRows(
  stepper: Pick<Stepper, 'evaluate'>,
  method: Pick<LoadedMethod, 'scales' | 'partOf'>,
  source: Pick<Rows, 'batch'>,
  { rows, limit }: { rows: Int32Array; limit: BatchLimit },
): Promise<{ batch: Batch; result: BatchResult }> {
  return limit.untilItFits(async () => {
    const batch = source.batch(rows);
    const [scale = 0] = method.scales([batch]);
    const whole = { source, rows, batch };
    const result = await runInParts(whole, { limit, partOf: method.partOf }, (part) => stepper.evaluate(part, scale));
    return { batch, result };
  });
}
