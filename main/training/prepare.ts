// Everything between a recipe and the first step: model, tokenizer, rows, LoRA, sessions.
import type { JobRecord } from '../../preload/contract.ts';
import { writeDataSummary } from '../checkpoints/data-summary.ts';
import { fulfilMergeOrder } from '../checkpoints/merge-order.ts';
import { splitDataset } from '../data/batches.ts';
import { type DataOptions, type DataReport, loadDataset } from '../data/load-dataset.ts';
import { checkVocabulary, loadTokenizer } from '../data/tokenizer.ts';
import type { TokenizedDataset } from '../data/types.ts';
import { openRuntime } from '../engine/runtime/onnxruntime-node.ts';
import { UserError } from '../errors.ts';
import type { SftRecipe } from '../recipe/sft-recipe.ts';
import type { JobSpec } from './job.ts';
import { loadModel, type LoadedModel } from './load-model.ts';
import { loraStart, type LoraStart } from './lora-start.ts';
import { Stepper } from './stepper.ts';

export type Prepared = {
  loaded: LoadedModel;
  lora: LoraStart;
  train: TokenizedDataset;
  evaluation: TokenizedDataset | undefined;
  report: DataReport;
  stepper: Stepper;
};

type Post = (record: JobRecord) => void;

/** Loads and checks everything a run needs. Throws UserError for anything that cannot be trained. */
export async function prepare(job: JobSpec, post: Post, signal: AbortSignal): Promise<Prepared> {
  const { recipe, cacheDir } = job;
  if (recipe.method !== 'sft') throw new Error(`the loop does not train by ${recipe.method}`);
  await fulfilMergeOrder(job.runDir, {
    onProgress: ({ done, total }) => {
      post({ type: 'progress', phase: 'Merging the model', done, total });
    },
    onWarning: (message) => {
      post({ type: 'event', level: 'warning', message });
    },
    signal,
  });
  post({ type: 'progress', phase: 'Opening the model', done: 0 });
  const loaded = loadModel(recipe.model_name_or_path);
  const lora = loraStart(recipe, loaded.model);
  const tokenizer = loadTokenizer(loaded.folder.path);
  checkVocabulary(tokenizer, loaded.model.vocabSize, recipe.model_name_or_path);

  const load = async (files: string[], phase: string) => {
    const { dataset, report } = await loadDataset(dataOptions(recipe, files, cacheDir), tokenizer, {
      onProgress: ({ done, total }) => {
        post({ type: 'progress', phase, done, total });
      },
      signal,
    });
    reportProblems(report, phase, post);
    return { dataset, report };
  };
  const { dataset, report } = await load(recipe.dataset_name, 'Reading the training rows');
  writeDataSummary(job.runDir, report);
  const { train, evaluation } = await evaluationRows(recipe, dataset, load);
  checkLengths(loaded, [train, evaluation], post);

  const runtime = await openRuntime({ device: recipe.device });
  post({
    type: 'event',
    level: 'info',
    message: `Training on ${runtime.choice.device}: ${runtime.choice.reason}.`,
  });
  post({ type: 'progress', phase: 'Building the training graph', done: 0 });
  const longest = longestRow([train, evaluation]);
  const recompute = recipe.gradient_checkpointing;
  const memory = recompute ? 'lean' : 'fast';
  const rows = longest * Math.max(recipe.per_device_train_batch_size, recipe.per_device_eval_batch_size);
  const stepper = await Stepper.create(runtime, {
    model: loaded.model,
    step: {
      trained: { kind: 'lora', lora: lora.settings, stored: loaded.stored },
      recompute,
      headChunks: headChunks({ rows, vocabSize: loaded.model.vocabSize, memory }),
      maxPositions: longest,
    },
    adamW: {
      beta1: recipe.adam_beta1,
      beta2: recipe.adam_beta2,
      epsilon: recipe.adam_epsilon,
      weightDecay: recipe.weight_decay,
    },
    maxGradNorm: recipe.max_grad_norm,
    weightsDir: loaded.weightsDir,
    memory,
  });
  lora.initialize(stepper.layout, stepper.parameters);
  return { loaded, lora, train, evaluation, report, stepper };
}

/** How the data folder is asked for a recipe's rows. */
export function dataOptions(recipe: SftRecipe, files: string[], cacheDir: string): DataOptions {
  return {
    files,
    ...(recipe.columns === undefined ? {} : { columns: recipe.columns }),
    datasetTextField: recipe.dataset_text_field,
    template: recipe.template,
    ...(recipe.completion_only_loss === undefined ? {} : { completionOnlyLoss: recipe.completion_only_loss }),
    assistantOnlyLoss: recipe.assistant_only_loss,
    maxLength: recipe.max_length,
    ...(recipe.eos_token === undefined ? {} : { eosToken: recipe.eos_token }),
    cacheDir,
  };
}

async function evaluationRows(
  recipe: SftRecipe,
  dataset: TokenizedDataset,
  load: (files: string[], phase: string) => Promise<{ dataset: TokenizedDataset }>,
): Promise<{ train: TokenizedDataset; evaluation: TokenizedDataset | undefined }> {
  if (recipe.eval_dataset_name !== undefined) {
    const { dataset: evaluation } = await load(recipe.eval_dataset_name, 'Reading the evaluation rows');
    return { train: dataset, evaluation };
  }
  if (recipe.test_split_size !== undefined) return splitDataset(dataset, recipe.test_split_size, recipe.seed);
  return { train: dataset, evaluation: undefined };
}

function reportProblems(report: DataReport, phase: string, post: Post): void {
  const counts = [
    [report.truncated, 'cut to max_length'],
    [report.noTrainedToken, 'dropped: no token to train on'],
    [report.empty, 'empty'],
    [report.invalid, 'invalid'],
    [report.duplicates, 'seen before'],
  ] as const;
  const told = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  post({
    type: 'event',
    level: report.invalid + report.noTrainedToken > 0 ? 'warning' : 'info',
    message: `${phase}: ${report.usable} of ${report.rows} rows usable (${report.shape})${told.length ? `; ${told.join(', ')}` : ''}.`,
  });
}

function longestRow(datasets: readonly (TokenizedDataset | undefined)[]): number {
  let longest = 1;
  for (const dataset of datasets)
    for (let i = 0; dataset && i < dataset.length; i++) longest = Math.max(longest, dataset.tokenCount(i));
  return longest;
}

function checkLengths({ model }: LoadedModel, datasets: readonly (TokenizedDataset | undefined)[], post: Post): void {
  const longest = longestRow(datasets);
  if (datasets[0]?.length === 0)
    throw new UserError({
      code: 'no-training-rows',
      message: 'No row is left to train on after setting rows aside for evaluation.',
      fix: 'Lower test_split_size, or add rows.',
    });
  if (longest <= model.maxPositions) return;
  post({
    type: 'event',
    level: 'warning',
    message: `The longest row has ${longest} tokens, the model was made for ${model.maxPositions} (max_position_embeddings). Set max_length to ${model.maxPositions} or less to stay within.`,
  });
}

/** Parts in which labelled rows go through the head, so that a part's logits take at most 12 MB (lean) or 256 MB. */
export function headChunks({
  rows,
  vocabSize,
  memory,
}: {
  rows: number;
  vocabSize: number;
  memory: 'fast' | 'lean';
}): number {
  const budgetBytes = (memory === 'lean' ? 12 : 256) * 2 ** 20;
  return Math.max(1, Math.ceil((rows * vocabSize * 4) / budgetBytes));
}
