// Which rows make up which optimizer step. A pure function of the recipe and the step's number, so that a resumed run
// continues exactly where it stopped.
import { epochOrder } from '../data/batches.ts';
import { UserError } from '../errors.ts';
import type { SharedRecipe } from '../recipe/shared-keys.ts';

export type TrainingPlan = {
  totalSteps: number;
  stepsPerEpoch: number;
  /** Row numbers of each micro-batch of a step; steps count from 0. */
  microBatches(step: number): Int32Array[];
  /** Epochs done after `step` steps, as Trainer logs it. */
  epochAfter(step: number): number;
};

export type PlanSettings = Pick<
  SharedRecipe,
  | 'num_train_epochs'
  | 'max_steps'
  | 'per_device_train_batch_size'
  | 'gradient_accumulation_steps'
  | 'train_sampling_strategy'
  | 'dataloader_drop_last'
  | 'seed'
  | 'data_seed'
>;

/**
 * `lengths` are the rows' token counts. Each epoch has an order of its own; its last step may be smaller. Throws
 * UserError "no-whole-batch" where every row would be dropped.
 */
export function trainingPlan(settings: PlanSettings, lengths: readonly number[]): TrainingPlan {
  const batchSize = settings.per_device_train_batch_size;
  const rowsPerStep = batchSize * settings.gradient_accumulation_steps;
  const rowsPerEpoch = settings.dataloader_drop_last
    ? Math.floor(lengths.length / batchSize) * batchSize
    : lengths.length;
  if (rowsPerEpoch === 0 && lengths.length > 0) {
    throw new UserError({
      code: 'no-whole-batch',
      message: `dataloader_drop_last leaves no row to train on: ${lengths.length} rows fill no batch of ${batchSize}.`,
      fix: 'Set dataloader_drop_last: false, or lower per_device_train_batch_size.',
    });
  }
  const stepsPerEpoch = Math.max(1, Math.ceil(rowsPerEpoch / rowsPerStep));
  const totalSteps = settings.max_steps > 0 ? settings.max_steps : Math.ceil(settings.num_train_epochs * stepsPerEpoch);
  let order: { epoch: number; rows: Int32Array } | undefined;
  const orderOf = (epoch: number): Int32Array => {
    if (order?.epoch !== epoch) {
      const rows = epochOrder({
        length: lengths.length,
        seed: settings.data_seed ?? settings.seed,
        epoch,
        strategy: settings.train_sampling_strategy,
        lengths,
        batchSize: rowsPerStep,
      });
      order = { epoch, rows };
    }
    return order.rows;
  };
  return {
    totalSteps,
    stepsPerEpoch,
    microBatches: (step) => {
      const start = (step % stepsPerEpoch) * rowsPerStep;
      const end = Math.min(start + rowsPerStep, rowsPerEpoch);
      const rows = orderOf(Math.floor(step / stepsPerEpoch)).subarray(start, end);
      const count = Math.ceil(rows.length / batchSize);
      return Array.from({ length: count }, (_, i) => rows.slice(i * batchSize, (i + 1) * batchSize));
    },
    // An epoch is counted in micro-batches: its last step may have fewer of them.
    epochAfter: (step) => {
      const done = (step % stepsPerEpoch) * settings.gradient_accumulation_steps;
      return Math.floor(step / stepsPerEpoch) + done / Math.max(1, Math.ceil(rowsPerEpoch / batchSize));
    },
  };
}
