// Going on from a checkpoint that is not the end of its run, or otherwise than the run did: as a new run, which begins
// with the old one's checkpoint and curve. Nothing that the old run did is lost, and both can be compared.
import { copyFileSync, constants, linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readMergeOrder } from '../checkpoints/merge-order.ts';
import { UserError } from '../errors.ts';
import { parseRecipe } from '../recipe/parse.ts';
import type { Method } from '../recipe/recipe.ts';
import type { StoredCheckpoint } from '../store/journal.ts';
import type { StoredRun } from '../store/runs.ts';
import { bestStepOf } from '../training/saved-state.ts';
import type { JobRecord } from '../../preload/contract.ts';
import { runFolder, type App } from './app.ts';
import { reconcileCheckpoints } from './checkpoints-on-disk.ts';
import { findRun, isUnderWay, methodOf } from './find-run.ts';
import type { RunSession } from './follow-run.ts';
import { resolveRecipe } from './resolve-recipe.ts';
import { findAdapter } from './run-adapter.ts';
import { draftOfRun } from './run-recipe.ts';
import { admitRun, checkOutput, launch, resumeRun, type CheckedRequest, type NewRun } from './start-run.ts';

export type ResumeRequest = {
  /** "last", "best" (lowest eval_loss) or a step; absent: the last. */
  checkpoint?: string | undefined;
  /** Recipe keys and values that the rest is trained with. */
  values?: Record<string, unknown>;
  /** Where relative paths start. */
  workingDirectory: string;
};

/** A new run that begins at a checkpoint of another one. */
export type Branch = {
  run: StoredRun;
  from: StoredCheckpoint;
  /** Other checkpoints that the rest needs. */
  also: StoredCheckpoint[];
  checked: CheckedRequest;
};

/** Keys that may differ after the checkpoint: all that touches neither the rows, nor their order, nor what is trained. */
const MAY_CHANGE: ReadonlySet<string> = new Set(
  (
    'num_train_epochs max_steps learning_rate lr_scheduler_type lr_scheduler_kwargs warmup_steps warmup_ratio ' +
    'weight_decay adam_beta1 adam_beta2 adam_epsilon max_grad_norm loraplus_lr_ratio lora_dropout neftune_noise_alpha ' +
    'logging_strategy logging_steps logging_first_step report_to logging_dir project run_name ' +
    'eval_strategy eval_steps eval_delay per_device_eval_batch_size ' +
    'save_strategy save_steps save_total_limit load_best_model_at_end metric_for_best_model greater_is_better ' +
    'early_stopping_patience early_stopping_threshold sample_prompts sample_steps sample_max_new_tokens ' +
    'output_dir overwrite_output_dir device use_cpu no_cuda bf16 fp16 gradient_checkpointing'
  ).split(' '),
);

/**
 * What it means to go on as asked: undefined where the run itself does, since nothing came after the checkpoint and
 * nothing is changed. Throws UserError "run-not-found", "run-ambiguous", "run-under-way", "nothing-to-export",
 * "checkpoint-not-found", "resume-key", "nothing-left-to-train", "best-checkpoint-gone", and as checkRequest does.
 */
export async function branchOf(app: App, name: string, request: ResumeRequest): Promise<Branch | undefined> {
  const { checkpoint: wanted = 'last', values = {}, workingDirectory } = request;
  const run = findRun(app, name);
  const isChanged = Object.keys(values).length > 0;
  if (request.checkpoint === undefined && !isChanged) return undefined;
  if (isUnderWay(run) || run.status === 'queued')
    throw new UserError({
      code: 'run-under-way',
      message: `The run ${run.id} is ${run.status === 'queued' ? 'waiting for its turn' : 'under way'}: it goes on by itself.`,
      fix: 'Stop it first.',
    });
  const checkpoints = reconcileCheckpoints(app, run);
  const from = checkpointOf(app, run, { checkpoints, wanted });
  if (!isChanged && run.status !== 'completed' && from === checkpoints.at(-1)) return undefined;
  const changes = changesOf(values);
  refuseWithoutRest(run, from, changes);
  const checked = await checkedRecipe(app, run, { from, changes, workingDirectory });
  return { run, from, also: bestBefore(run, from, { checkpoints, checked }), checked };
}

/** Goes on in this process: the run itself or its branch. Throws as branchOf and resumeRun do. */
export async function resumeFrom(
  app: App,
  name: string,
  { onRecord, ...request }: ResumeRequest & { onRecord: (record: JobRecord) => void },
): Promise<RunSession> {
  const branch = await branchOf(app, name, request);
  if (branch === undefined) return resumeRun(app, name, onRecord);
  const run = admitBranch(app, branch);
  onRecord({ type: 'event', level: 'info', step: branch.from.step, message: originOf(branch) });
  const checkpoint = join(runFolder(app, run), basename(branch.from.path));
  return launch(app, run, { recipe: branch.checked.recipe, onRecord, isNew: true, resumeFrom: checkpoint });
}

/** Puts a branch into the history, to be followed by this process, or, with a place, to wait. */
export function admitBranch(app: App, branch: Branch, queuePlace?: number): NewRun {
  const { run, from, also, checked } = branch;
  const { metrics, samples, runs, events, transaction } = app.history;
  // In one transaction: no other host can start it before its checkpoint is there.
  return transaction(() => {
    const added = admitRun(app, checked, queuePlace);
    try {
      for (const { path } of [from, ...also]) shareFolder(path, join(runFolder(app, added), basename(path)));
    } catch (error) {
      rmSync(runFolder(app, added), { recursive: true, force: true });
      throw error;
    }
    reconcileCheckpoints(app, added);
    metrics.copy(run.id, added.id, from.step);
    samples.copy(run.id, added.id, from.step);
    events.add(added.id, { recordedAt: Date.now(), step: from.step, level: 'info', message: originOf(branch) });
    runs.update(added.id, {
      lastStep: from.step,
      lastLoss: lossAt(app, added.id, from.step),
      bestEvalLoss: metrics.lowestEvalLoss(added.id) ?? null,
      tags: run.tags,
    });
    return added;
  });
}

const originOf = ({ run, from }: Branch): string => `From step ${from.step} of ${run.id}, which stays as it is.`;

function checkpointOf(
  app: App,
  run: StoredRun,
  { checkpoints, wanted }: { checkpoints: readonly StoredCheckpoint[]; wanted: string },
): StoredCheckpoint {
  const { step } = wanted === 'last' ? (checkpoints.at(-1) ?? { step: -1 }) : findAdapter(app, run, wanted, String);
  const found = checkpoints.find((one) => one.step === step);
  if (found !== undefined) return found;
  throw new UserError({
    code: 'checkpoint-not-found',
    message: `The run ${run.id} has no checkpoint to go on from: a finished adapter alone lacks the optimizer's state.`,
    fix: 'Start a new run with adapter_name_or_path, which trains an adapter further, and set save_steps in it.',
  });
}

function changesOf(values: Record<string, unknown>): Record<string, unknown> {
  const fixed = Object.keys(values).filter((key) => !MAY_CHANGE.has(key));
  if (fixed.length > 0)
    throw new UserError({
      code: 'resume-key',
      message: `${fixed.join(', ')} cannot change in the middle of a run: rows, their order and what is trained are what the checkpoint was made with.`,
      fix: `Leave ${fixed.length === 1 ? 'it' : 'them'} out, or start a new run that continues the adapter (adapter_name_or_path).`,
    });
  // A length in epochs and one in steps exclude each other; max_steps would win.
  return values.num_train_epochs !== undefined && values.max_steps === undefined
    ? { max_steps: -1, ...values }
    : values;
}

/** Refuses where it is known already that no step would be left. */
function refuseWithoutRest(run: StoredRun, { step }: StoredCheckpoint, changes: Record<string, unknown>): void {
  const given = { ...run.recipe, ...changes };
  const [maxSteps, epochs] = [Number(given.max_steps), Number(given.num_train_epochs)];
  const wasInEpochs = !(Number(run.recipe.max_steps) > 0) && run.totalSteps !== undefined;
  const stepsPerEpoch = wasInEpochs ? (run.totalSteps ?? 0) / Number(run.recipe.num_train_epochs) : Number.NaN;
  const total = maxSteps > 0 ? maxSteps : Math.ceil(epochs * stepsPerEpoch);
  if (!(total <= step)) return;
  const key = maxSteps > 0 ? 'max_steps' : 'num_train_epochs';
  throw new UserError({
    code: 'nothing-left-to-train',
    message: `The checkpoint is that of step ${step}, and with ${key}: ${String(given[key])} the training ends at step ${total}: nothing is left to train.`,
    fix: `Set ${key} higher, or go on from an earlier checkpoint.`,
  });
}

async function checkedRecipe(
  app: App,
  run: StoredRun,
  {
    from,
    changes,
    workingDirectory,
  }: { from: StoredCheckpoint; changes: Record<string, unknown>; workingDirectory: string },
): Promise<CheckedRequest> {
  const name = run.name === undefined ? {} : { run_name: `${run.name} from step ${from.step}` };
  const values = { use_peft: true, ...draftOfRun(run).values, ...name, ...changes };
  const { recipe, notes } = parseRecipe<Method>(methodOf(run), values);
  const order = readMergeOrder(runFolder(app, run));
  const chain = { recipe, notes: [], ...(order !== undefined && { order }) };
  const resolved = await resolveRecipe(recipe, workingDirectory, chain);
  checkOutput(app, resolved);
  return { chain, recipe: resolved, notes };
}

/** load_best_model_at_end may come back to an evaluation before the checkpoint. */
function bestBefore(
  run: StoredRun,
  from: StoredCheckpoint,
  { checkpoints, checked }: { checkpoints: readonly StoredCheckpoint[]; checked: CheckedRequest },
): StoredCheckpoint[] {
  const step = bestStepOf(from.path);
  if (!checked.recipe.load_best_model_at_end || step === undefined || step === from.step) return [];
  const best = checkpoints.find((one) => one.step === step);
  if (best !== undefined) return [best];
  throw new UserError({
    code: 'best-checkpoint-gone',
    message: `Until step ${from.step} the best evaluation of the run ${run.id} was that of step ${step}, whose checkpoint is gone; load_best_model_at_end may have to come back to it.`,
    fix: 'Set load_best_model_at_end: false for the rest, or go on from another checkpoint.',
  });
}

function lossAt(app: App, id: string, step: number): number | null {
  const loss = app.history.metrics.steps(id, step)[0]?.loss ?? Number.NaN;
  return Number.isFinite(loss) ? loss : null;
}

/** The same files in a second folder: a checkpoint is never written again, so a second name costs no room. */
function shareFolder(from: string, to: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    try {
      linkSync(join(from, name), join(to, name));
    } catch {
      // Not every file system knows second names.
      copyFileSync(join(from, name), join(to, name), constants.COPYFILE_FICLONE);
    }
  }
}
