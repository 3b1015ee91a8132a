// Runs that begin where another run ended: run:NAME in model_name_or_path (its adapter merged into its base model) and
// in adapter_name_or_path (its adapter, trained further). Only says what is to be merged; the job process does it.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readAdapter } from '../checkpoints/adapter.ts';
import { readDataSummary } from '../checkpoints/data-summary.ts';
import { hubOrigin } from '../checkpoints/hub-cache.ts';
import { type MergeOrder, tokenizerFilesFor } from '../checkpoints/merge-order.ts';
import { placeOfConverted } from '../checkpoints/gguf/ready-model.ts';
import { baseModelName } from '../checkpoints/model-folder.ts';
import { modelOutline } from '../checkpoints/model-outline.ts';
import { findTokenizerFiles } from '../checkpoints/tokenizer-files.ts';
import { weightsFingerprint } from '../checkpoints/weights-fingerprint.ts';
import { modelFor } from '../engine/models/registry.ts';
import { UserError } from '../errors.ts';
import type { StoredRun } from '../store/runs.ts';
import type { RoundedBase } from '../training/four-bit.ts';
import { adapterOn } from '../training/lora-start.ts';
import { runFolder, type App } from './app.ts';
import { findRun, isUnderWay } from './find-run.ts';
import { roundedBase } from './rounded-base.ts';
import { findAdapter, type RunAdapter } from './run-adapter.ts';

const prefix = 'run:';

/** Changes when the same sources would give another merged model. */
const MERGE_VERSION = 1;

type ChainKeys = { model_name_or_path: string; adapter_name_or_path?: string | undefined };

export type Chain<Recipe extends ChainKeys> = {
  /** With absolute paths instead of run:NAME. */
  recipe: Recipe;
  /** Must be fulfilled before the recipe's model is there (writeMergeOrder, fulfilMergeOrder). */
  order?: MergeOrder;
  /** Where the tokenizer of the model can be read already: beside the adapter or the base model. */
  tokenizerFolder?: string;
  /** For the run's events. */
  notes: string[];
};

/**
 * Looks up the runs that a recipe names as run:NAME, run:latest, run:NAME@STEP or run:NAME@best; a beginning of the
 * name will do. Reads the adapter but merges nothing. Throws UserError "run-not-found", "run-ambiguous",
 * "run-under-way", "nothing-to-export", "checkpoint-not-found", "run-base-gone", "adapter-misfit" or "chain-twice".
 */
export function chainRuns<Recipe extends ChainKeys>(app: App, recipe: Recipe): Chain<Recipe> {
  const { model_name_or_path: model, adapter_name_or_path: adapter } = recipe;
  const chain: Chain<Recipe> = { recipe, notes: [] };
  if (model.startsWith(prefix)) {
    const source = referredTo(app, model, 'model_name_or_path');
    const base = baseOf(source);
    const order = orderFor(app, source, base);
    chain.order = order;
    chain.tokenizerFolder = existsSync(join(source.adapterFolder, 'tokenizer.json')) ? source.adapterFolder : base.path;
    chain.recipe = { ...chain.recipe, model_name_or_path: order.target };
    if (source.run.recipe.load_in_4bit === true) chain.notes.push(mergedUnrounded(source.run.id));
    chain.notes.push(
      `The model is the adapter of the run ${source.run.id} at step ${source.step}, merged into ${basename(base.path)}: ${order.target}.`,
    );
  }
  if (adapter?.startsWith(prefix) === true) {
    const source = referredTo(app, adapter, 'adapter_name_or_path');
    if (chain.order?.adapter === source.adapterFolder)
      throw new UserError({
        code: 'chain-twice',
        message: `model_name_or_path merges the adapter of the run ${source.run.id} into the model, and adapter_name_or_path would apply it once more.`,
        fix: `Remove adapter_name_or_path to train a new adapter on the merged model, or set model_name_or_path to ${modelOf(source.run)} to train this adapter further.`,
      });
    chain.recipe = { ...chain.recipe, adapter_name_or_path: source.adapterFolder };
    chain.notes.push(`Continues the adapter of the run ${source.run.id} from step ${source.step}.`);
  }
  return chain;
}

/**
 * The folders to answer with where --model or --adapter of lorelei generate is run:NAME: a run as a model is the one it
 * trained on with its adapter. Throws as chainRuns does, and UserError "chain-twice" for a second adapter.
 */
export function foldersToAsk(app: App, asked: { model: string; adapter?: string | undefined }): FoldersToAsk {
  const { model, adapter } = asked;
  if (!model.startsWith(prefix))
    return adapter?.startsWith(prefix) === true
      ? adapterToAsk(app, model, referredTo(app, adapter, 'The adapter'))
      : asked;
  if (adapter !== undefined)
    throw new UserError({
      code: 'chain-twice',
      message: `The model is ${model}, which brings the adapter of that run, and another adapter is named.`,
      fix: 'Leave the other adapter out, or name the folder of the model that it was trained on.',
    });
  const source = referredTo(app, model, 'The model');
  return adapterToAsk(app, baseOf(source).path, source);
}

export type FoldersToAsk = {
  model: string;
  adapter?: string | undefined;
  /** As the run of the adapter rounded its base model. */
  rounded?: RoundedBase | undefined;
};

function adapterToAsk(app: App, model: string, { run, adapterFolder }: Source): FoldersToAsk {
  return { model, adapter: adapterFolder, rounded: roundedBase(app, run) };
}

export type Source = RunAdapter & { run: StoredRun };

/**
 * The run and its adapter that run:NAME, run:NAME@STEP or run:NAME@best means. Throws UserError as chainRuns does;
 * `key` is what names it.
 */
export function referredTo(app: App, reference: string, key: string): Source {
  const text = reference.slice(prefix.length);
  const at = text.indexOf('@');
  const [name, checkpoint] = at < 0 ? [text, 'last'] : [text.slice(0, at), text.slice(at + 1)];
  const run = findRun(app, name, `${key} is ${reference}, and `);
  if (isUnderWay(run))
    throw new UserError({
      code: 'run-under-way',
      message: `${key} is ${reference}, and the run ${run.id} is still training (${run.status}): its adapter is not finished.`,
      fix: 'Wait for its end, or stop it.',
      commandLine: `Wait for its end, or stop it: lorelei stop ${run.id}`,
    });
  const choice = (which: string): string => `${prefix}${run.id}@${which}`;
  return { run, ...findAdapter(app, run, checkpoint, choice) };
}

/** What a run's model is called: its folder's name, its Hub id in a cache, run:NAME@STEP where it was merged from that run. */
export function modelNameOf({ recipe }: Pick<StoredRun, 'recipe'>): string {
  const model = recipe.model_name_or_path;
  if (typeof model !== 'string') return '';
  const merged = /^(?<run>.+)-step-(?<step>\d+)-[0-9a-f]{12}$/.exec(basename(model))?.groups;
  return merged === undefined
    ? (hubOrigin(model)?.id ?? basename(model))
    : `${prefix}${merged.run ?? ''}@${merged.step ?? ''}`;
}

const modelOf = (run: StoredRun): string => String(run.recipe.model_name_or_path);

/** Folder of the model, or the GGUF file that it is made from. */
type Base = { path: string; identity: (adapter: string) => Iterable<string | Uint8Array>; name: () => string };

function baseOf({ run, adapterFolder }: Source): Base {
  const outline = modelOutline(basePathOf(run));
  adapterOn(modelFor(outline.config), adapterFolder);
  if ('folder' in outline.from) {
    const { folder } = outline.from;
    const own = ['config.json', 'generation_config.json'].map((name) => join(folder.path, name));
    return {
      path: folder.path,
      identity: (adapter) => [
        weightsFingerprint(folder),
        ...contentsOf([...own, ...tokenizerFilesFor(adapter, folder.path)]),
      ],
      name: () => baseModelName(folder).name,
    };
  }
  const { path } = outline.from.gguf.header;
  const beside = (adapter: string): string[] => findTokenizerFiles(adapter);
  return {
    path,
    identity: (adapter) => [placeOfConverted(path, ''), ...contentsOf(beside(adapter))],
    name: () => path,
  };
}

/** What to know of a merge whose adapter was trained on rounded weights. */
export function mergedUnrounded(run: string): string {
  return `The run ${run} trained its adapter on a base model in 4 bits (load_in_4bit). It is merged into the weights as they are stored, which is closer to the original model but not quite what was trained: try the result, or serve the adapter on the base model in 4 bits.`;
}

/** The folder of the model that a run trained on. Throws UserError "run-base-gone". */
export function basePathOf(run: StoredRun): string {
  const path = modelOf(run);
  if (!existsSync(path))
    throw new UserError({
      code: 'run-base-gone',
      message: `The run ${run.id} trained its adapter on the model in ${path}, and this folder is gone: there is nothing to merge it into.`,
      fix: 'Put the model back there. Where it was itself a merged one, exporting this run as a merged model makes it again.',
      commandLine: `Put the model back there. lorelei export ${run.id} --format merged makes it again where it was itself a merged one.`,
    });
  return path;
}

function orderFor(app: App, source: Source, base: Base): MergeOrder {
  const { run, step, adapterFolder } = source;
  const chatTemplate = readDataSummary(runFolder(app, run))?.chatTemplate;
  const identity = createHash('sha256').update(JSON.stringify([MERGE_VERSION, chatTemplate]));
  const own = ['adapter_config.json', 'adapter_model.safetensors'].map((name) => join(adapterFolder, name));
  for (const part of [...base.identity(adapterFolder), ...contentsOf(own)]) identity.update(part);
  const name = `${run.id}-step-${step}-${identity.digest('hex').slice(0, 12)}`;
  return {
    target: join(app.home.cache, 'merged', name),
    base: base.path,
    adapter: adapterFolder,
    run: run.id,
    step,
    baseModel: readAdapter(adapterFolder).config.base_model_name_or_path ?? base.name(),
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
  };
}

/** Names and contents of those that are there. */
function* contentsOf(files: readonly string[]): Generator<string | Uint8Array> {
  for (const file of files) {
    if (!existsSync(file)) continue;
    const bytes = readFileSync(file);
    yield JSON.stringify([basename(file), bytes.length]);
    yield bytes;
  }
}
