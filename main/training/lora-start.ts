// How a LoRA begins: fresh as PEFT draws it, or from an adapter on disk; and how its tensors leave a run and come back.
import { UserError } from '../errors.ts';
import type { Model } from '../engine/models/model.ts';
import { layerLora, loraNames, type LoraSettings, loraTargets } from '../engine/nn/lora.ts';
import { type LoraPattern, unmatchedKeys } from '../engine/nn/lora-pattern.ts';
import { readAdapter } from '../checkpoints/adapter.ts';
import type { FlatLayout } from './flat-parameters.ts';
import {
  drawA,
  emptyFrozenInputs,
  type FrozenInputs,
  type Initialization,
  type LayerShape,
  type LoraValues,
  type ReadWeight,
  rowSquaresFromWeights,
  valuesFromWeights,
} from './lora-values.ts';
import {
  type AdapterFacts,
  type AdapterTensors,
  peftKey,
  plainConfig,
  plainTensors,
  takePlainTensors,
} from './plain-adapter.ts';

export { peftKey } from './plain-adapter.ts';

/** The keys of a recipe that a LoRA follows from; their meaning is PEFT's. */
export type LoraRecipe = {
  lora_r: number;
  lora_alpha: number;
  lora_dropout: number;
  lora_target_modules?: string | readonly string[] | undefined;
  use_rslora: boolean;
  use_dora?: boolean | undefined;
  /** true, "gaussian", "pissa" or "pissa_niter_<iterations>". */
  init_lora_weights?: boolean | string | undefined;
  rank_pattern?: LoraPattern | undefined;
  alpha_pattern?: LoraPattern | undefined;
  seed: number;
  /** A PEFT adapter to continue from, whose settings replace those above. */
  adapter_name_or_path?: string | undefined;
};

export type LoraStart = {
  settings: LoraSettings;
  /** As adapter_config.json will list them. */
  targetModules: string[];
  /** Inputs that every run of a graph with these settings is fed; `initialize` or `restore` fills in their values. */
  frozenInputs: FrozenInputs;
  /** Fills in the starting values. Reads the base model's weights where they follow from them. */
  initialize: (layout: FlatLayout, parameters: Float32Array) => void;
  /** Fills in the values of an adapter that `adapter` wrote, bit for bit. False where it is another run's. */
  restore: (layout: FlatLayout, parameters: Float32Array, tensors: AdapterTensors) => boolean;
  /** The adapter as it is now, for the base model as it is on disk. */
  adapter: (layout: FlatLayout, parameters: Float32Array) => { config: AdapterFacts; tensors: AdapterTensors };
};

/** The LoRA of a recipe on a model. Throws a UserError when it fits no layer. */
export function loraStart(recipe: LoraRecipe, model: Model, readWeight: ReadWeight): LoraStart {
  if (recipe.adapter_name_or_path !== undefined) return continuedLora(recipe.adapter_name_or_path, model, readWeight);
  const wanted = wantedTargets(recipe, model);
  const targets = loraTargets(model.linears, wanted);
  const unmatched = wanted.filter((name) => loraTargets(model.linears, [name]).size === 0);
  if (unmatched.length > 0 || targets.size === 0)
    throw new UserError({
      code: 'lora-targets-unknown',
      message: `lora_target_modules: ${unmatched.join(', ')} names no linear layer of this ${model.modelType} model.`,
      fix: `Use all-linear, or some of ${shortNames(model.linears).join(', ')}.`,
    });
  const initialization = initializationOf(recipe.init_lora_weights ?? true);
  const settings: LoraSettings = {
    rank: recipe.lora_r,
    alpha: recipe.lora_alpha,
    ...patternsOf(recipe, targets),
    useRslora: recipe.use_rslora,
    useDora: recipe.use_dora ?? false,
    subtractStart: initialization.kind === 'pissa',
    dropout: recipe.lora_dropout,
    targets,
  };
  const targetModules = wanted.includes('all-linear') ? shortNames(model.linears) : wanted;
  return startWith(
    { settings, targetModules, model, readWeight, isGaussian: initialization.kind === 'gaussian' },
    (values) => {
      if (initialization.kind !== 'pissa') drawA(values, initialization.kind, recipe.seed);
      valuesFromWeights(values, initialization, recipe.seed);
    },
  );
}

function wantedTargets(recipe: LoraRecipe, model: Model): string[] {
  const given = recipe.lora_target_modules;
  return given === undefined ? [...model.defaultLoraTargets] : typeof given === 'string' ? [given] : [...given];
}

function initializationOf(value: boolean | string): Initialization {
  if (value === true) return { kind: 'kaiming' };
  if (value === 'gaussian') return { kind: 'gaussian' };
  if (value === 'pissa') return { kind: 'pissa' };
  const iterations = typeof value === 'string' ? /^pissa_niter_(\d+)$/.exec(value)?.[1] : undefined;
  if (iterations !== undefined) return { kind: 'pissa', iterations: Number(iterations) };
  throw new UserError({
    code: 'lora-init-unknown',
    message: `init_lora_weights: ${String(value)} is no way of starting that this version knows.`,
    fix: 'Use true (A random, B zero), gaussian, pissa, or pissa_niter_16 for a faster, approximate pissa.',
  });
}

/** rank_pattern and alpha_pattern; a key that fits no adapted layer is a mistake (PEFT only warns). */
function patternsOf(
  { rank_pattern: rankPattern = {}, alpha_pattern: alphaPattern = {} }: LoraRecipe,
  targets: ReadonlySet<string>,
): Pick<LoraSettings, 'rankPattern' | 'alphaPattern'> {
  for (const [key, pattern] of [
    ['rank_pattern', rankPattern],
    ['alpha_pattern', alphaPattern],
  ] as const) {
    const [unknown] = unmatchedKeys(pattern, targets);
    if (unknown !== undefined)
      throw new UserError({
        code: 'lora-pattern-unknown',
        message: `${key}: "${unknown}" is the end of no adapted layer's name. Such names are ${[...targets].slice(0, 2).join(', ')}, …`,
        fix: `Give the end of a layer name, such as "${shortNames([...targets])[0] ?? ''}", or a regular expression for it, or add the layer to lora_target_modules.`,
      });
  }
  return { rankPattern, alphaPattern };
}

type Start = {
  settings: LoraSettings;
  targetModules: string[];
  model: Model;
  readWeight: ReadWeight;
  /** A note for adapter_config.json. */
  isGaussian?: boolean;
};

function startWith(
  { settings, targetModules, model, readWeight, isGaussian = false }: Start,
  initialize: (values: LoraValues) => void,
): LoraStart {
  const shapeOf: LayerShape = (layer) => {
    const [out = 0, width = 0] = model.weightShapes.get(`${layer}.weight`) ?? [];
    return [out, width];
  };
  const frozenInputs = emptyFrozenInputs(settings, shapeOf);
  const valuesOf = (layout: FlatLayout, parameters: Float32Array): LoraValues => ({
    settings,
    shapeOf,
    readWeight,
    frozen: frozenInputs,
    layout,
    parameters,
  });
  return {
    settings,
    targetModules,
    frozenInputs,
    initialize: (layout, parameters) => {
      initialize(valuesOf(layout, parameters));
    },
    restore: (layout, parameters, tensors) => {
      const values = valuesOf(layout, parameters);
      if (!takePlainTensors(values, tensors)) return false;
      rowSquaresFromWeights(values);
      return true;
    },
    adapter: (layout, parameters) => ({
      config: {
        ...plainConfig(settings, targetModules),
        ...(isGaussian ? { init_lora_weights: 'gaussian' as const } : {}),
      },
      tensors: plainTensors(settings, layout, parameters, frozenInputs),
    }),
  };
}

/** Ranks, alphas, targets, dropout and DoRA are the adapter's own, as PEFT continues one. */
function continuedLora(path: string, model: Model, readWeight: ReadWeight): LoraStart {
  const { settings, targetModules, tensors } = adapterOn(model, path);
  return startWith({ settings, targetModules, model, readWeight }, (values) => {
    if (!takePlainTensors(values, tensors)) throw new Error(`${path} was checked and does not fit`);
    rowSquaresFromWeights(values);
  });
}

export type AdapterOnModel = {
  settings: LoraSettings;
  targetModules: string[];
  tensors: AdapterTensors;
};

/** An adapter on disk, checked tensor by tensor against the model it shall sit on. Throws a UserError on a misfit. */
export function adapterOn(model: Model, path: string): AdapterOnModel {
  const { config, tensors } = readAdapter(path);
  return adapterFrom(model, config, tensors, path);
}

/** The same for one that is in memory already; `path` says in errors where it came from. */
export function adapterFrom(model: Model, config: AdapterFacts, tensors: AdapterTensors, path: string): AdapterOnModel {
  const targets = loraTargets(model.linears, config.target_modules);
  const misfit = (what: string): UserError =>
    new UserError({
      code: 'adapter-misfit',
      message: `The adapter in ${path} does not fit this model: ${what}.`,
      fix: 'Use the model that the adapter was trained on.',
    });
  if (targets.size === 0)
    throw misfit(`it adapts ${config.target_modules.join(', ')}, and the model has no such layers`);
  const settings: LoraSettings = {
    rank: config.r,
    alpha: config.lora_alpha,
    rankPattern: config.rank_pattern ?? {},
    alphaPattern: config.alpha_pattern ?? {},
    useRslora: config.use_rslora,
    useDora: config.use_dora ?? false,
    dropout: config.lora_dropout,
    targets,
  };
  const expected = new Map<string, readonly number[]>();
  for (const layer of targets) {
    const [out = 0, width = 0] = model.weightShapes.get(`${layer}.weight`) ?? [];
    const names = loraNames(layer);
    const { rank } = layerLora(settings, layer);
    expected.set(peftKey(names.a), [rank, width]);
    expected.set(peftKey(names.b), [out, rank]);
    if (settings.useDora) expected.set(peftKey(names.magnitude), [out]);
  }
  for (const [key, shape] of expected) {
    const tensor = tensors.get(key);
    if (!tensor) throw misfit(`it has no tensor ${key}`);
    if (tensor.shape.join() !== shape.join())
      throw misfit(`${key} is [${tensor.shape.join(', ')}], the model needs [${shape.join(', ')}]`);
  }
  const extra = [...tensors.keys()].find((key) => !expected.has(key));
  if (extra !== undefined) throw misfit(`the model has no layer for ${extra}`);
  return { settings, targetModules: config.target_modules, tensors };
}

function shortNames(linears: readonly string[]): string[] {
  return [...new Set(linears.map((name) => name.slice(name.lastIndexOf('.') + 1)))].sort();
}
