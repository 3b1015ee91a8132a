// How a LoRA begins: fresh as PEFT draws it, or from an adapter on disk.
import { UserError } from '../errors.ts';
import type { Model } from '../engine/models/model.ts';
import { loraNames, type LoraSettings, loraTargets } from '../engine/nn/lora.ts';
import type { SftRecipe } from '../recipe/sft-recipe.ts';
import { readAdapter } from '../checkpoints/adapter.ts';
import { seededRandom } from '../data/random.ts';
import type { FlatLayout } from './flat-parameters.ts';
import { view } from './flat-parameters.ts';

/** PEFT's name of a LoRA parameter. */
export function peftKey(parameter: string): string {
  return `base_model.model.${parameter}`;
}

export type LoraStart = {
  settings: LoraSettings;
  /** As adapter_config.json will list them. */
  targetModules: string[];
  /** Fills in the starting values. */
  initialize(layout: FlatLayout, parameters: Float32Array): void;
};

/** The LoRA of a recipe on a model. Throws a UserError when it fits no layer. */
export function loraStart(recipe: SftRecipe, model: Model): LoraStart {
  if (recipe.adapter_name_or_path !== undefined) return continuedLora(recipe.adapter_name_or_path, model);
  const wanted = wantedTargets(recipe, model);
  const targets = loraTargets(model.linears, wanted);
  const unmatched = wanted.filter((name) => loraTargets(model.linears, [name]).size === 0);
  if (unmatched.length > 0 || targets.size === 0)
    throw new UserError({
      code: 'lora-targets-unknown',
      message: `lora_target_modules: ${unmatched.join(', ')} names no linear layer of this ${model.modelType} model.`,
      fix: `Use all-linear, or some of ${shortNames(model.linears).join(', ')}.`,
    });
  return {
    settings: {
      rank: recipe.lora_r,
      alpha: recipe.lora_alpha,
      useRslora: recipe.use_rslora,
      dropout: recipe.lora_dropout,
      targets,
    },
    targetModules: wanted.includes('all-linear') ? shortNames(model.linears) : wanted,
    initialize: (layout, parameters) => {
      // A is U(+-1 / sqrt(in)), B is 0.
      const random = seededRandom(recipe.seed);
      for (const slot of layout.slots) {
        if (!slot.name.endsWith('.lora_A.weight')) continue;
        const bound = 1 / Math.sqrt(slot.shape[1] ?? 1);
        const values = view(parameters, slot);
        for (let i = 0; i < values.length; i++) values[i] = (random.below(2 ** 32) / 2 ** 31 - 1) * bound;
      }
    },
  };
}

function wantedTargets(recipe: SftRecipe, model: Model): string[] {
  const given = recipe.lora_target_modules;
  return given === undefined ? [...model.defaultLoraTargets] : typeof given === 'string' ? [given] : [...given];
}

/** Rank, alpha, targets and dropout are the adapter's own, as PEFT continues one. */
function continuedLora(path: string, model: Model): LoraStart {
  const { settings, targetModules, tensors } = adapterOn(model, path);
  return {
    settings,
    targetModules,
    initialize: (layout, parameters) => {
      for (const slot of layout.slots) view(parameters, slot).set(tensors.get(peftKey(slot.name))?.data ?? []);
    },
  };
}

export type AdapterOnModel = {
  settings: LoraSettings;
  targetModules: string[];
  tensors: ReturnType<typeof readAdapter>['tensors'];
};

/** An adapter on disk, checked tensor by tensor against the model it shall sit on. Throws a UserError on a misfit. */
export function adapterOn(model: Model, path: string): AdapterOnModel {
  const { config, tensors } = readAdapter(path);
  const targets = loraTargets(model.linears, config.target_modules);
  const misfit = (what: string): UserError =>
    new UserError({
      code: 'adapter-misfit',
      message: `The adapter in ${path} does not fit this model: ${what}.`,
      fix: 'Use the model that the adapter was trained on.',
    });
  if (targets.size === 0)
    throw misfit(`it adapts ${config.target_modules.join(', ')}, and the model has no such layers`);
  const expected = new Map<string, readonly number[]>();
  for (const layer of targets) {
    const [out = 0, width = 0] = model.weightShapes.get(`${layer}.weight`) ?? [];
    const names = loraNames(layer);
    expected.set(peftKey(names.a), [config.r, width]);
    expected.set(peftKey(names.b), [out, config.r]);
  }
  for (const [key, shape] of expected) {
    const tensor = tensors.get(key);
    if (!tensor) throw misfit(`it has no tensor ${key}`);
    if (tensor.shape.join() !== shape.join())
      throw misfit(`${key} is [${tensor.shape.join(', ')}], the model needs [${shape.join(', ')}]`);
  }
  const extra = [...tensors.keys()].find((key) => !expected.has(key));
  if (extra !== undefined) throw misfit(`the model has no layer for ${extra}`);
  const settings = {
    rank: config.r,
    alpha: config.lora_alpha,
    useRslora: config.use_rslora,
    dropout: config.lora_dropout,
    targets,
  };
  return { settings, targetModules: config.target_modules, tensors };
}

function shortNames(linears: readonly string[]): string[] {
  return [...new Set(linears.map((name) => name.slice(name.lastIndexOf('.') + 1)))].sort();
}
