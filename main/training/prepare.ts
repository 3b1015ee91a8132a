// Everything between a recipe and the first step: model, tokenizer, rows, LoRA, sessions.
import type { JobRecord } from '../../preload/contract.ts';
import { writeDataSummary } from '../checkpoints/data-summary.ts';
import { readyModel } from '../checkpoints/gguf/ready-model.ts';
import { fulfilMergeOrder } from '../checkpoints/merge-order.ts';
import { weightsFingerprint } from '../checkpoints/weights-fingerprint.ts';
import { checkVocabulary, loadTokenizer, type TextTokenizer } from '../data/tokenizer.ts';
import { deviceText } from '../engine/runtime/device-name.ts';
import { LossScaler } from '../engine/optim/loss-scaler.ts';
import { openRuntime } from '../engine/runtime/onnxruntime-node.ts';
import type { Runtime } from '../engine/runtime/runtime.ts';
import { UserError } from '../errors.ts';
import { memoryOf } from '../recipe/memory.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { StepSettings } from './build-step.ts';
import { fourBitSettings, fourBitWords, inFourBits } from './four-bit.ts';
import type { JobSpec } from './job.ts';
import { loadModel, type LoadedModel, weightReader, weightSource } from './load-model.ts';
import { loraStart, type LoraStart } from './lora-start.ts';
import { loadDpo } from './methods/dpo.ts';
import type { LoadedMethod, MethodContext } from './methods/method.ts';
import { loadOrpo } from './methods/orpo.ts';
import { loadSft } from './methods/sft.ts';
import { loadSimpo } from './methods/simpo.ts';
import { isPlainAdamW } from './optimizer.ts';
import { autocastOf, choosePrecision, precisionDevice } from './precision.ts';
import { stepSettings } from './step-settings.ts';
import { Stepper } from './stepper.ts';

export type Prepared = {
  loaded: LoadedModel;
  tokenizer: TextTokenizer;
  runtime: Runtime;
  lora: LoraStart;
  method: LoadedMethod;
  step: StepSettings;
  stepper: Stepper;
};

type Post = (record: JobRecord) => void;

/** Loads and checks everything a run needs. Throws UserError for anything that cannot be trained. */
export async function prepare(job: JobSpec, post: Post, signal: AbortSignal): Promise<Prepared> {
  const { recipe, cacheDir } = job;
  await fulfilMergeOrder(job.runDir, cacheDir, {
    onProgress: ({ done, total }) => {
      post({ type: 'progress', phase: 'Merging the model', done, total });
    },
    onWarning: (message) => {
      post({ type: 'event', level: 'warning', message });
    },
    signal,
  });
  const modelPath = await readyModel(recipe.model_name_or_path, cacheDir, {
    onProgress: ({ done, total }) => {
      post({ type: 'progress', phase: 'Converting the GGUF file', done, total });
    },
    signal,
  });
  post({ type: 'progress', phase: 'Opening the model', done: 0 });
  const settings = fourBitSettings(recipe);
  const loaded = await inFourBits(loadModel(modelPath), settings && { settings, cacheDir }, {
    onProgress: ({ phase, done, total }) => {
      const text = phase === 'rounding' ? 'Rounding the model to 4 bits' : 'Checking the 4-bit model';
      post({ type: 'progress', phase: text, done, total });
    },
    onWarning: (message) => {
      post({ type: 'event', level: 'warning', message });
    },
    signal,
  });
  const lora = loraStart(recipe, loaded.model, weightReader(loaded));
  const chatTemplatePath = recipe.method === 'sft' ? recipe.chat_template_path : undefined;
  const tokenizer = loadTokenizer(loaded.folder.path, { chatTemplatePath });
  checkVocabulary(tokenizer, loaded.model.vocabSize, recipe.model_name_or_path);

  let fingerprint: string | undefined;
  const modelFingerprint = (): string =>
    (fingerprint ??= loaded.fourBit?.fingerprint ?? weightsFingerprint(loaded.folder));
  const method = await loadMethod(recipe, {
    tokenizer,
    cacheDir,
    modelFingerprint,
    post,
    signal,
    halvings: job.halvings,
  });
  writeDataSummary(job.runDir, method.report);
  checkLengths(loaded, method, post);

  const runtime = await openRuntime({ device: job.device?.name ?? recipe.device });
  post({ type: 'device', device: deviceText(runtime.choice) });
  post({
    type: 'event',
    level: 'info',
    message: `Training on ${job.device?.name ?? runtime.choice.device}: ${job.device?.reason ?? runtime.choice.reason}.`,
  });
  if (loaded.folder.isPart)
    post({
      type: 'event',
      level: 'info',
      message: 'The model also sees images: its part for text is trained, and what it sees with stays as it is.',
    });
  if (settings)
    post({ type: 'event', level: 'info', message: `The base model is in 4 bits: ${fourBitWords(settings)}.` });
  const { precision, reason } = choosePrecision(recipe, precisionDevice(runtime.choice.device, job.device?.formats));
  post({ type: 'event', level: 'info', message: `Computing in ${precision}: ${reason}.` });
  if (runtime.hasOwnMemory && !isPlainAdamW(recipe.optim))
    post({
      type: 'event',
      level: 'info',
      message: `optim: ${recipe.optim} runs on the processor: gradients and parameters travel in every step. adamw_torch stays on ${runtime.choice.device}.`,
    });
  post({ type: 'progress', phase: 'Building the training graph', done: 0 });
  const memory = memoryOf(recipe);
  const step = stepSettings(recipe, {
    ...method,
    ...loaded,
    lora: lora.settings,
    hasOwnMemory: runtime.hasOwnMemory,
    autocast: autocastOf(precision, runtime.choice.device),
  });
  const stepper = await Stepper.create(runtime, {
    model: loaded.model,
    step,
    optimizer: {
      optim: recipe.optim,
      beta1: recipe.adam_beta1,
      beta2: recipe.adam_beta2,
      epsilon: recipe.adam_epsilon,
      weightDecay: recipe.weight_decay,
      maxGradNorm: recipe.max_grad_norm,
      ...(recipe.loraplus_lr_ratio === undefined ? {} : { loraplusLrRatio: recipe.loraplus_lr_ratio }),
    },
    weightsDir: loaded.weightsDir,
    weightSource: weightSource(loaded),
    memory,
    frozenInputs: lora.frozenInputs,
    lossScaler: precision === 'fp16' ? new LossScaler() : undefined,
  });
  // A checkpoint brings its own values, but what a method asks of the model as it starts needs these.
  if (job.resumeFrom === undefined || method.begin) {
    lora.initialize(stepper.layout, stepper.parameters);
    stepper.homeChanged();
  }
  await method.begin?.(stepper);
  return { loaded, tokenizer, runtime, lora, method, step, stepper };
}

function loadMethod(recipe: Recipe, context: MethodContext): Promise<LoadedMethod> {
  switch (recipe.method) {
    case 'sft':
      return loadSft(recipe, context);
    case 'dpo':
      return loadDpo(recipe, context);
    case 'orpo':
      return loadOrpo(recipe, context);
    case 'simpo':
      return loadSimpo(recipe, context);
  }
}

function checkLengths({ model }: LoadedModel, { train, longest }: LoadedMethod, post: Post): void {
  if (train.length === 0)
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
