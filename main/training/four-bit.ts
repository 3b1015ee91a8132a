// What a recipe says of the numbers of its base model, and a model opened that way.
import { fourBitModel, type FourBitHooks, type FourBitSettings } from '../checkpoints/four-bit-model.ts';
import type { SharedRecipe } from '../recipe/shared-keys.ts';
import type { LoadedModel } from './load-model.ts';

/** How a base model is rounded, and where what comes of it is kept. */
export type RoundedBase = { settings: FourBitSettings; cacheDir: string };

/** Undefined where the base model stays as it is stored. */
export function fourBitSettings(
  recipe: Pick<SharedRecipe, 'load_in_4bit' | 'bnb_4bit_quant_type' | 'use_bnb_nested_quant' | 'use_int4_blocks'>,
): FourBitSettings | undefined {
  if (!recipe.load_in_4bit) return undefined;
  if (recipe.use_int4_blocks) return { type: 'int4', nested: false };
  return { type: recipe.bnb_4bit_quant_type, nested: recipe.use_bnb_nested_quant };
}

/** For a person, to follow a colon. */
export function fourBitWords({ type, nested }: FourBitSettings): string {
  if (type === 'int4') return 'evenly spaced numbers in blocks of 32';
  return `${type.toUpperCase()} in blocks of 64, as bitsandbytes rounds them${nested ? ', their scales rounded too' : ''}`;
}

/**
 * The same model with its linear layers rounded to four bits, as `rounded` says; without it, the model itself.
 * @throws UserError "disk-full", those of reading the model, and what `hooks.signal` was aborted with
 */
export async function inFourBits(
  loaded: LoadedModel,
  rounded: RoundedBase | undefined,
  hooks: FourBitHooks = {},
): Promise<LoadedModel> {
  if (rounded === undefined) return loaded;
  const { settings, cacheDir } = rounded;
  const fourBit = await fourBitModel(loaded.folder, loaded.model, settings, cacheDir, hooks);
  return { ...loaded, stored: fourBit.weights, weightsDir: fourBit.dir, fourBit };
}
