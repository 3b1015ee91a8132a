// Which keys of a recipe decide the numbers of its result, as a model card tells them.
import { methods, type Method, type Recipe } from './recipe.ts';

/** What an adapter's own config says; it counts where a run continued an adapter. */
type AdapterFacts = { r: number; lora_alpha: number; lora_dropout: number; use_rslora: boolean };

type Told = string | number | boolean | null;

function told(value: unknown): Told | undefined {
  if (Array.isArray(value)) return value.join(', ');
  return value === null || ['string', 'number', 'boolean'].includes(typeof value) ? (value as Told) : undefined;
}

/** Key -> value, in the order in which a card shows them; keys that are not set are left out. */
export function resultSettings(
  recipe: Recipe,
  { r, lora_alpha, lora_dropout, use_rslora }: AdapterFacts,
): Record<string, Told> {
  const method: Method = recipe.method;
  const values = new Map<string, unknown>(Object.entries(recipe));
  const settings: Record<string, Told> = {};
  for (const key of methods[method].cardKeys) {
    const value = told(values.get(key));
    if (value !== undefined) settings[key] = value;
  }
  return { ...settings, lora_r: r, lora_alpha, lora_dropout, use_rslora };
}
