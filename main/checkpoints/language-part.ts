// Models that see, of which the part for text can be trained: Gemma 3 from 4B on. Its tensors and layers lie one step
// deeper than in a model for text alone; here they get that model's names when they are read, and their own again in
// adapters, so that PEFT finds them in the whole model. Eyes are left as they are.
import { languageConfig } from '../engine/models/registry.ts';
import type { AdapterConfig } from './adapter-config.ts';
import { patternValue } from '../engine/nn/lora-pattern.ts';
import { adapterKeys, parseAdapterKey } from './adapter-keys.ts';

/** Names of tensors in the checkpoint, as they have been written and as transformers 4.52 to 4.56 writes some. */
const tensorOf = /^(?:language_model\.(?=model\.|lm_head\.)|model\.language_model\.(?!lm_head\.))(.*)$/;

/** A checkpoint's config and tensors as those of the model for text; undefined where it is no such model. */
export function languagePart<T extends { name: string }>(
  config: Record<string, unknown>,
  weights: ReadonlyMap<string, T>,
): { config: Record<string, unknown>; weights: Map<string, T> } | undefined {
  const text = languageConfig(config);
  if (text === undefined || ![...weights.keys()].some((name) => tensorOf.test(name))) return undefined;
  const own = [...weights.values()].flatMap((weight): [string, T][] => {
    const rest = tensorOf.exec(weight.name)?.[1];
    if (rest === undefined) return [];
    const name = weight.name.startsWith('model.') ? `model.${rest}` : rest;
    return [[name, { ...weight, name }]];
  });
  return { config: text, weights: new Map(own) };
}

const inWhole = 'model.language_model.';

/** "model.language_model.layers.0.self_attn.q_proj", or as older PEFT has it, is "model.layers.0.self_attn.q_proj". */
export function withoutPart(name: string): string {
  return name.replace('language_model.model.', 'model.').replace(inWhole, 'model.');
}

export const namesPart = (name: string): boolean => name.includes('language_model.');

/**
 * The config and tensors of an adapter as they fit the whole model. Layers are named in full: the ends of their names are
 * those of layers of the eyes, too.
 */
export function adapterForWhole<T>(
  config: AdapterConfig,
  tensors: ReadonlyMap<string, T>,
): { config: AdapterConfig; tensors: Map<string, T> } {
  const named = (module: string): string => module.replace(/^model\./, inWhole);
  const modules = new Set<string>();
  const renamed = [...tensors].map(([key, tensor]): [string, T] => {
    const parsed = parseAdapterKey(key);
    if (!parsed) return [key, tensor];
    modules.add(parsed.module);
    const keys = adapterKeys(named(parsed.module));
    return [parsed.part === 'A' ? keys.a : parsed.part === 'B' ? keys.b : keys.magnitude, tensor];
  });
  const pattern = (given: AdapterConfig['rank_pattern'] = {}) =>
    Object.fromEntries(
      [...modules].flatMap((module): [string, number][] => {
        const value = patternValue(given, module);
        return value === undefined ? [] : [[named(module), value]];
      }),
    );
  return {
    config: {
      ...config,
      target_modules: [...modules].map(named),
      rank_pattern: pattern(config.rank_pattern),
      alpha_pattern: pattern(config.alpha_pattern),
    },
    tensors: new Map(renamed),
  };
}
