// How a LoRA begins: fresh as PEFT draws it, or from an adapter on disk.
import { UserError } from '../errors.ts';
import type { Model } from '../engine/models/model.ts';
import { type LoraSettings, loraTargets } from '../engine/nn/lora.ts';
import type { SftRecipe } from '../recipe/sft-recipe.ts';
import { readAdapter } from '../checkpoints/adapter.ts';
import { uniformSource } from './random.ts';
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
  if (recipe.adapter_name_or_path !== undefined) return continuedLora(recipe.adapter_name_or_path, recipe, model);
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
      const random = uniformSource(recipe.seed);
      for (const slot of layout.slots) {
        if (!slot.name.endsWith('.lora_A.weight')) continue;
        const bound = 1 / Math.sqrt(slot.shape[1] ?? 1);
        const values = view(parameters, slot);
        for (let i = 0; i < values.length; i++) values[i] = (2 * random() - 1) * bound;
      }
    },
  };
}

function wantedTargets(recipe: SftRecipe, model: Model): string[] {
  const given = recipe.lora_target_modules;
  return given === undefined ? [...model.defaultLoraTargets] : typeof given === 'string' ? [given] : [...given];
}

function continuedLora(path: string, recipe: SftRecipe, model: Model): LoraStart {
  const { config, tensors } = readAdapter(path);
  const targets = loraTargets(model.linears, config.target_modules);
  const misfit = (what: string): UserError =>
    new UserError({
      code: 'adapter-misfit',
      message: `The adapter in ${path} does not fit this model: ${what}.`,
      fix: 'Set model_name_or_path to the model that the adapter was trained on.',
    });
  if (targets.size === 0) throw misfit(`it adapts ${config.target_modules.join(', ')}, and the model has no such layers`);
  return {
    settings: {
      rank: config.r,
      alpha: config.lora_alpha,
      useRslora: config.use_rslora,
      dropout: recipe.lora_dropout,
      targets,
    },
    targetModules: config.target_modules,
    initialize: (layout, parameters) => {
      for (const slot of layout.slots) {
        const tensor = tensors.get(peftKey(slot.name));
        if (!tensor) throw misfit(`it has no tensor ${peftKey(slot.name)}`);
        if (tensor.shape.join() !== slot.shape.join())
          throw misfit(`${peftKey(slot.name)} is [${tensor.shape.join(', ')}], the model needs [${slot.shape.join(', ')}]`);
        view(parameters, slot).set(tensor.data);
      }
      const known = new Set(layout.slots.map((slot) => peftKey(slot.name)));
      const extra = [...tensors.keys()].find((key) => !known.has(key));
      if (extra !== undefined) throw misfit(`the model has no layer for ${extra}`);
    },
  };
}

function shortNames(linears: readonly string[]): string[] {
  return [...new Set(linears.map((name) => name.slice(name.lastIndexOf('.') + 1)))].sort();
}
