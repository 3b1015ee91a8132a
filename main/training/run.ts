// The training loop, in the order in which data flows: prepare, resume, then for each step batches -> gradients ->
// update -> log -> evaluate -> sample -> save. It talks to the world through `post`; it knows no process, window or
// database, and no method: what is trained on what is methods/'s.
import type { JobRecord, Metrics } from '../../preload/contract.ts';
import type { LossScaler } from '../engine/optim/loss-scaler.ts';
import { checkScheduleArguments, learningRateAt } from '../engine/optim/schedule.ts';
import { UserError } from '../errors.ts';
import { seeksBest } from '../recipe/evaluation.ts';
import { warmupSteps } from '../recipe/steps.ts';
import { Accumulation } from './accumulation.ts';
import { BatchLimit } from './batch-limit.ts';
import { BestEvaluation } from './best-evaluation.ts';
import { evaluate } from './evaluate.ts';
import type { JobSpec } from './job.ts';
import { canCutBatches } from './methods/objectives.ts';
import { TrainingLog } from './metrics.ts';
import { trainingPlan } from './plan.ts';
import { prepare } from './prepare.ts';
import { RunHistory } from './run-history.ts';
import type { OpenSampler } from './sampler.ts';
import {
  type Owed,
  type Progress,
  restoreAdapterOf,
  restoreCheckpoint,
  saveCheckpoint,
  writeFinalAdapter,
} from './save.ts';
import { timetable } from './timetable.ts';
import { callsForTrial, longestBatch } from './trial.ts';

export type RunControl = {
  post: (record: JobRecord) => void;
  /** Asked after every step and between batches; true: save and end as "stopped". */
  stopRequested: () => boolean;
  /** Aborted together with stopRequested, for what can be left at once (reading data). */
  signal: AbortSignal;
  /** How sample prompts are answered; without it there can be none. */
  openSampler?: OpenSampler;
};

/** Trains as the recipe says and writes the adapter. Posts everything but the last record, which it returns. */
export async function train(
  job: JobSpec,
  { post, stopRequested, signal, openSampler }: RunControl,
): Promise<JobRecord & { type: 'end' }> {
  const { recipe } = job;
  const prepared = await prepare(job, post, signal);
  const { stepper, method } = prepared;
  const plan = trainingPlan(recipe, method.train.lengths);
  const { totalSteps } = plan;
  const schedule = {
    type: recipe.lr_scheduler_type,
    learningRate: recipe.learning_rate,
    warmupSteps: warmupSteps(recipe, totalSteps),
    totalSteps,
    arguments: checkScheduleArguments(recipe.lr_scheduler_type, recipe.lr_scheduler_kwargs, recipe.learning_rate),
  };
  const due = timetable(recipe, plan);

  const resumed = job.resumeFrom === undefined ? undefined : restoreCheckpoint(job.resumeFrom, job, prepared);
  const log = new TrainingLog(resumed?.log);
  const best = new BestEvaluation(recipe, resumed?.best);
  const history = new RunHistory(resumed?.history);
  let latest: Metrics = resumed?.metrics ?? {};
  const prompts = openSampler === undefined ? [] : (recipe.sample_prompts ?? []);
  const owed: Owed = resumed?.owed ?? { evaluation: recipe.eval_on_start, samples: prompts.length };
  let lastSaved = stepper.step;
  const event = (level: 'info' | 'warning', message: string): void => {
    post({ type: 'event', level, step: stepper.step, message });
  };
  const canCut = canCutBatches(recipe);
  const limit = new BatchLimit({
    rows: recipe.per_device_train_batch_size,
    ...(canCut && { halvings: job.halvings, atMost: resumed?.rowsAtOnce }),
    canCut,
    key: 'per_device_train_batch_size',
    goesOn: (rows) =>
      `micro-batches have ${rows}, and a step takes as many more of them: the same mathematics, a little slower`,
    onSmaller: ({ message, rows }) =>
      post({ type: 'event', level: 'warning', step: stepper.step, message, rowsAtOnce: rows }),
  });
  if (resumed)
    post({
      type: 'event',
      level: 'info',
      step: stepper.step,
      message: `Resumed at step ${stepper.step}.`,
      ...(limit.reducedTo !== undefined && { rowsAtOnce: limit.reducedTo }),
    });
  const accumulation = new Accumulation({ stepper, method, seed: recipe.seed, limit });
  const evaluationLimit = new BatchLimit({
    rows: recipe.per_device_eval_batch_size,
    ...(canCut && { halvings: job.halvings }),
    canCut,
    key: 'per_device_eval_batch_size',
    goesOn: (rows) => `evaluations take ${rows} at once: the same numbers, a little slower`,
    onSmaller: ({ message }) => event('warning', message),
  });
  const save = async (): Promise<void> => {
    if (lastSaved === stepper.step && stepper.step > 0) return;
    await stepper.fetchHome();
    const progress: Progress = {
      log: log.state,
      metrics: latest,
      best: best.state,
      history: history.state,
      owed,
      rowsAtOnce: limit.reducedTo,
    };
    const { path, removed } = saveCheckpoint(job, prepared, progress);
    lastSaved = stepper.step;
    post({ type: 'checkpoint', step: stepper.step, path });
    for (const old of removed) post({ type: 'checkpoint-removed', path: old });
  };
  const runEvaluation = async (): Promise<void> => {
    if (!method.evaluation) return;
    const metrics = await evaluate(stepper, method, method.evaluation, {
      limit: evaluationLimit,
      batchSize: recipe.per_device_eval_batch_size,
      dropLast: recipe.dataloader_drop_last,
      epoch: plan.epochAfter(stepper.step),
      numTokens: log.numTokens,
      onProgress: (done, total) => {
        post({ type: 'progress', phase: 'Evaluating', done, total });
      },
      stopRequested,
    });
    if (!metrics) return;
    owed.evaluation = false;
    requireFinite('evaluation loss', metrics.eval_loss ?? Number.NaN, stepper.step, lastSaved);
    latest = { ...latest, ...metrics };
    history.addEvaluation(stepper.step, metrics);
    post({ type: 'evaluation', step: stepper.step, metrics });
    if (!seeksBest(recipe) || stepper.step === 0) return;
    const isBest = best.hear(stepper.step, metrics);
    if (best.patienceIsOver()) owed.samples = prompts.length;
    if (isBest && (recipe.load_best_model_at_end || recipe.save_strategy === 'best')) await save();
  };
  const sampler = prompts.length === 0 ? undefined : await openSampler?.(prepared, recipe);
  const sample = async (): Promise<void> => {
    for (const [index, prompt] of [...prompts.entries()].slice(prompts.length - owed.samples)) {
      if (!sampler || stopRequested()) return;
      post({ type: 'progress', phase: 'Answering the sample prompts', done: index });
      const settings = { maxNewTokens: recipe.sample_max_new_tokens, seed: recipe.seed };
      post({ type: 'sample', step: stepper.step, index, prompt, text: await sampler.answer(prompt, settings) });
      owed.samples -= 1;
    }
  };
  /** Evaluates and samples what this step asks for; false when stopped before all was done. */
  const settle = async (): Promise<boolean> => {
    if (owed.evaluation && method.evaluation) await runEvaluation();
    else owed.evaluation = false;
    if (!owed.evaluation) await sample();
    return !owed.evaluation && owed.samples === 0;
  };
  const stopped = async (): Promise<JobRecord & { type: 'end' }> => {
    await save();
    return { type: 'end', status: 'stopped', outputDir: job.outputDir, metrics: latest };
  };

  post({ type: 'start', totalSteps, startStep: stepper.step });
  if (!(await settle())) return await stopped();

  const longest = longestBatch(plan, method.train.lengths, stepper.step);
  if (longest && !stopRequested() && callsForTrial(recipe, prepared, method.train.batch(longest))) {
    post({ type: 'progress', phase: 'Trying the longest batch', done: 0 });
    await accumulation.tryOut(longest);
    event('info', `Tried the longest batch before the first step: memory reaches for ${limit.rows} rows at once.`);
  }

  while (stepper.step < totalSteps && !best.patienceIsOver()) {
    if (stopRequested()) return await stopped();
    const started = performance.now();
    const index = stepper.step;
    const results = await accumulation.add(plan.microBatches(index), index);
    const loss = log.addStep(results);
    const step = index + 1;
    requireFinite('loss', loss, step, lastSaved);
    history.addStep(step, loss);
    const { lossScaler } = stepper;
    const lossScale = lossScaler?.scale;
    // A step that is skipped leaves the schedule where it is, as in transformers' Trainer.
    const learningRate = learningRateAt(schedule, index - stepper.skippedSteps);
    const gradNorm = await stepper.update(learningRate);
    if (!lossScaler) requireFinite('gradient norm', gradNorm, step, lastSaved);
    else if (!Number.isFinite(gradNorm)) event('info', skippedStep(step, lossScaler, lastSaved));

    const stepMs = performance.now() - started;
    const tokens = results.reduce((sum, result) => sum + result.tokens, 0);
    const metrics = due.log(step)
      ? log.take({
          gradNorm,
          learningRate,
          epoch: plan.epochAfter(step),
          ...(lossScale !== undefined && { lossScale, skippedSteps: stepper.skippedSteps }),
        })
      : undefined;
    if (metrics) latest = { ...latest, ...metrics };
    post({ type: 'step', step, loss, stepMs, tokensPerSecond: (1000 * tokens) / stepMs, ...(metrics && { metrics }) });
    const warning = method.watch?.(loss, results.at(-1)?.metrics ?? {});
    if (warning !== undefined) event('warning', warning);

    owed.evaluation = due.evaluate(step);
    owed.samples = due.sample(step) ? prompts.length : 0;
    if (!(await settle())) return await stopped();
    if (due.save(step) || best.patienceIsOver()) await save();
  }

  if (best.patienceIsOver() && stepper.step < totalSteps)
    event(
      'info',
      `Stopped early: ${recipe.early_stopping_patience ?? 0} evaluations in a row without a better ${best.metric}.`,
    );
  const finalStep = stepper.step;
  const bestStep = best.state?.step;
  await stepper.fetchHome();
  if (recipe.load_best_model_at_end && bestStep !== undefined && bestStep !== finalStep) {
    restoreAdapterOf(job, prepared, bestStep);
    event(
      'info',
      `The result is the adapter of step ${bestStep}, whose ${best.metric} of ${best.state?.value ?? Number.NaN} was the best.`,
    );
  }
  writeFinalAdapter(job, prepared, {
    metrics: latest,
    step: recipe.load_best_model_at_end ? (bestStep ?? finalStep) : finalStep,
    history: history.state,
  });
  await sampler?.dispose();
  await stepper.dispose();
  await prepared.runtime.close();
  return { type: 'end', status: 'completed', outputDir: job.outputDir, metrics: latest };
}

function requireFinite(what: string, value: number, step: number, lastSaved: number): void {
  if (Number.isFinite(value)) return;
  throw new UserError({
    code: 'not-finite',
    message: `The ${what} became ${value} at step ${step}; the run stopped there.`,
    fix: `Lower learning_rate or set max_grad_norm, and look at the rows of this step. ${whatIsSaved(lastSaved)}`,
  });
}

function whatIsSaved(lastSaved: number): string {
  return lastSaved > 0 ? `The checkpoint of step ${lastSaved} is good.` : 'No checkpoint had been saved yet.';
}

/** In words. @throws UserError "not-finite" where no scale can help any more */
function skippedStep(step: number, { scale }: LossScaler, lastSaved: number): string {
  if (scale < smallestLossScale)
    throw new UserError({
      code: 'not-finite',
      message: `The gradients still overflow float16 at step ${step}, with the loss scaled down to ${scale}; the run stopped there.`,
      fix: `Set bf16: true or fp16: false, or lower learning_rate. ${whatIsSaved(lastSaved)}`,
    });
  return `Step ${step} was skipped: its gradients overflowed float16. The loss is scaled by ${scale} from here on.`;
}

/** The smallest normal number of float16: gradients of a loss below it have no digits left. */
const smallestLossScale = 2 ** -14;
