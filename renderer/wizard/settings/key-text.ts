// Values of recipe keys as text in a field, and back.
import type { Draft, KeyDescription } from '../../../preload/contract.ts';
import { host } from '../../state/host.ts';

type Value = Draft['values'][string];

/** 0.00002 -> "2e-5", ["a", "b"] -> "a, b", {a: 1} -> '{"a": 1}', null -> "". */
export function textOfValue(value: Value): string {
  if (value === null) return '';
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'string' || typeof value === 'boolean') return String(value);
  if (isPlainList(value)) return value.join(', ');
  return typeof value === 'object' && Object.keys(value).length === 0 ? '' : JSON.stringify(value);
}

function isPlainList(value: Value): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string' && !/[,[\]{}:#]/.test(one));
}

function numberText(value: number): string {
  const plain = String(value);
  return value !== 0 && Math.abs(value) < 1e-2 ? shorter(plain, value.toExponential()) : plain;
}

const shorter = (a: string, b: string): string => (b.length < a.length ? b : a);

/** What was typed, as a value; undefined where the field is empty. What is no number stays text, for the check to say so. */
export async function valueOfText(
  text: string,
  { key, kind }: Pick<KeyDescription, 'key' | 'kind'>,
): Promise<Value | undefined> {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (kind === 'number') return Number.isNaN(Number(trimmed)) ? trimmed : Number(trimmed);
  if (kind !== 'structure') return trimmed;
  const isList = trimmed.includes(',') && !/^[[{"']/.test(trimmed);
  const read = await host.call('recipe.fromYaml', { yaml: `${key}: ${isList ? `[${trimmed}]` : trimmed}` });
  return read.ok ? (read.value.values[key] ?? undefined) : trimmed;
}
