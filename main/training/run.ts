// The training loop, in the order in which data flows: prepare, resume, then for each step batches -> gradients ->
// update -> log -> evaluate -> save. It talks to the world through `post`; it knows no process, window or database.
import type { JobRecord, Metrics } from '../../preload/contract.ts';
import { collate } from '../data/batches.ts';
import { learningRateAt, schedulerTypes } from '../engine/optim/schedule.ts';
import { UserError } from '../errors.ts';
import { evalSteps, intervalSteps, warmupSteps } from '../recipe/steps.ts';
import { derivedSeed } from './dropout.ts';
import { evaluate } from './evaluate.ts';
import type { JobSpec } from './job.ts';
import { type MicroBatchResult, TrainingLog } from './metrics.ts';
import { trainingPlan } from './plan.ts';
import { prepare } from './prepare.ts';
import { restoreCheckpoint, saveCheckpoint, writeFinalAdapter } from './save.ts';

export type RunControl = {
  post: (record: JobRecord) => void;
  /** Asked after every step and between batches; true: save and end as "stopped". */
  stopRequested: () => boolean;
  /** Aborted together with stopRequested, for what can be left at once (reading data). */
  signal: AbortSignal;
};

/** Trains as the recipe says and writes the adapter. Posts everything but the last record, which it returns. */
export async function train(
  job: JobSpec,
  { post, stopRequested, signal }: RunControl,
): Promise<JobRecord & { type: 'end' }> {
  const { recipe } = job;
  const prepared = await prepare(job, post, signal);
  const { stepper, evaluation } = prepared;
  const lengths = Array.from({ length: prepared.train.length }, (_, i) => prepared.train.tokenCount(i));
  const plan = trainingPlan(recipe, lengths);
  const { totalSteps } = plan;
  const schedulerType = schedulerTypes.find((type) => type === recipe.lr_scheduler_type);
  if (schedulerType === undefined) throw new Error(`the loop has no schedule ${recipe.lr_scheduler_type}`);
  const schedule = {
    type: schedulerType,
    learningRate: recipe.learning_rate,
    warmupSteps: warmupSteps(recipe, totalSteps),
    totalSteps,
  };
  const every = {
    log: intervalSteps(recipe.logging_steps, totalSteps),
    evaluate: recipe.eval_strategy === 'epoch' ? plan.stepsPerEpoch : evalSteps(recipe, totalSteps),
    save: recipe.save_strategy === 'epoch' ? plan.stepsPerEpoch : intervalSteps(recipe.save_steps, totalSteps),
  };
  const due = (step: number, interval: number): boolean => step % interval === 0 || step === totalSteps;

  const resumed = job.resumeFrom === undefined ? undefined : restoreCheckpoint(job.resumeFrom, job, prepared);
  const log = new TrainingLog(resumed?.log);
  let latest: Metrics = resumed?.metrics ?? {};
  let lastSaved = stepper.step;
  if (resumed) post({ type: 'event', level: 'info', step: stepper.step, message: `Resumed at step ${stepper.step}.` });

  const runEvaluation = async (): Promise<void> => {
    if (!evaluation) return;
    const metrics = await evaluate(stepper, evaluation, {
      batchSize: recipe.per_device_eval_batch_size,
      epoch: plan.epochAfter(stepper.step),
      onProgress: (done, total) => {
        post({ type: 'progress', phase: 'Evaluating', done, total });
      },
      stopRequested,
    });
    if (!metrics) return;
    requireFinite('evaluation loss', metrics.eval_loss ?? Number.NaN, stepper.step, lastSaved);
    latest = { ...latest, ...metrics };
    post({ type: 'evaluation', step: stepper.step, metrics });
  };
  const save = (): void => {
    if (lastSaved === stepper.step && stepper.step > 0) return;
    const { path, removed } = saveCheckpoint(job, prepared, { log: log.state, metrics: latest });
    lastSaved = stepper.step;
    post({ type: 'checkpoint', step: stepper.step, path });
    for (const old of removed) post({ type: 'checkpoint-removed', path: old });
  };

  post({ type: 'start', totalSteps, startStep: stepper.step });
  if (recipe.eval_on_start && !resumed) await runEvaluation();

  while (stepper.step < totalSteps) {
    if (stopRequested()) {
      save();
      return { type: 'end', status: 'stopped', outputDir: job.outputDir, metrics: latest };
    }
    const started = performance.now();
    const index = stepper.step;
    const batches = plan.microBatches(index).map((rows) => collate([...rows].map((row) => prepared.train.read(row))));
    const labels = batches.reduce((sum, batch) => sum + batch.labelIds.length, 0);
    const results: MicroBatchResult[] = [];
    for (const [micro, batch] of batches.entries()) {
      // Every label of the step weighs the same, however the step is cut into micro-batches.
      const result = await stepper.accumulate(batch, 1 / Math.max(1, labels), derivedSeed(recipe.seed, index, micro));
      results.push({ ...result, labels: batch.labelIds.length, tokens: batch.tokenCount });
    }
    const loss = log.addStep(results);
    const step = index + 1;
    requireFinite('loss', loss, step, lastSaved);
    const learningRate = learningRateAt(schedule, index);
    const gradNorm = await stepper.update(learningRate);
    requireFinite('gradient norm', gradNorm, step, lastSaved);

    const stepMs = performance.now() - started;
    const tokens = results.reduce((sum, result) => sum + result.tokens, 0);
    const metrics = due(step, every.log)
      ? log.take({ gradNorm, learningRate, epoch: plan.epochAfter(step) })
      : undefined;
    if (metrics) latest = { ...latest, ...metrics };
    post({ type: 'step', step, loss, stepMs, tokensPerSecond: (1000 * tokens) / stepMs, ...(metrics && { metrics }) });

    if (recipe.eval_strategy !== 'no' && due(step, every.evaluate)) await runEvaluation();
    if (recipe.save_strategy !== 'no' && due(step, every.save)) save();
  }

  writeFinalAdapter(job, prepared, latest);
  await stepper.dispose();
  return { type: 'end', status: 'completed', outputDir: job.outputDir, metrics: latest };
}

function requireFinite(what: string, value: number, step: number, lastSaved: number): void {
  if (Number.isFinite(value)) return;
  throw new UserError({
    code: 'not-finite',
    message: `The ${what} became ${value} at step ${step}; the run stopped there.`,
    fix: `Lower learning_rate or set max_grad_norm, and look at the rows of this step. ${
      lastSaved > 0 ? `The checkpoint of step ${lastSaved} is good.` : 'No checkpoint had been saved yet.'
    }`,
  });
}
