// The kinds of value a recipe key can have. Each accepts what YAML and a command line give (numbers and booleans may
// come as text) and carries, as metadata, the words for an error: what is allowed, and an example.
import { z } from 'zod';

export type FieldWords = {
  /** Completes "must be …". */
  allowed: string;
  /** A value that works, as one writes it. */
  example: string;
};

type NumberRange = { above?: number; from?: number; below?: number; upTo?: number; example: string };

/** PyYAML reads 1e-4 as text, and so does a command line. Anything that is not a number stays as it is. */
function numberFromText(value: unknown): unknown {
  if (typeof value !== 'string' || value.trim() === '') return value;
  const number = Number(value.trim().replaceAll('_', ''));
  return Number.isNaN(number) ? value : number;
}

const TRUE_WORDS = new Set(['true', 'yes', 'on', '1']);
const FALSE_WORDS = new Set(['false', 'no', 'off', '0']);

/** YAML 1.1, which PyYAML speaks, also calls yes, no, on and off booleans. */
function booleanFromText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const word = value.trim().toLowerCase();
  return TRUE_WORDS.has(word) ? true : FALSE_WORDS.has(word) ? false : value;
}

function rangeWords({ above, from, below, upTo }: NumberRange): string {
  const lower = above !== undefined ? `above ${String(above)}` : from !== undefined ? `at least ${String(from)}` : '';
  const upper = below !== undefined ? `below ${String(below)}` : upTo !== undefined ? `at most ${String(upTo)}` : '';
  return [lower, upper].filter((part) => part !== '').join(' and ');
}

function bounded(range: NumberRange, base: z.ZodNumber): z.ZodNumber {
  let schema = base;
  if (range.above !== undefined) schema = schema.gt(range.above);
  if (range.from !== undefined) schema = schema.gte(range.from);
  if (range.below !== undefined) schema = schema.lt(range.below);
  if (range.upTo !== undefined) schema = schema.lte(range.upTo);
  return schema;
}

/** A finite number within a range. */
export function number(range: NumberRange) {
  const words: FieldWords = { allowed: `a number ${rangeWords(range)}`.trim(), example: range.example };
  return z.preprocess(numberFromText, bounded(range, z.number())).meta(words);
}

/** A whole number within a range. */
export function wholeNumber(range: NumberRange) {
  const words: FieldWords = { allowed: `a whole number ${rangeWords(range)}`.trim(), example: range.example };
  return z.preprocess(numberFromText, bounded(range, z.int())).meta(words);
}

/** How often something happens: every n steps, or, below 1, a share of all steps (as transformers reads it). */
export function stepInterval(example: string) {
  const words: FieldWords = {
    allowed: 'a whole number of steps, at least 1, or a share of all steps between 0 and 1',
    example,
  };
  return z
    .preprocess(
      numberFromText,
      z.number().refine((value) => value > 0 && (value < 1 || Number.isInteger(value))),
    )
    .meta(words);
}

/** true or false. */
export function flag() {
  const words: FieldWords = { allowed: 'true or false', example: 'true' };
  return z.preprocess(booleanFromText, z.boolean()).meta(words);
}

/** Text that is not empty. */
export function text(example: string) {
  const words: FieldWords = { allowed: 'text that is not empty', example };
  return z.string().trim().min(1).meta(words);
}

/** One of a few words. A YAML 1.1 reader turns a bare `no` into false, so false counts as "no" where that is a word. */
export function choice<const Words extends readonly string[]>(words: Words) {
  const meaning: FieldWords = { allowed: `one of ${words.join(', ')}`, example: words[0] ?? '' };
  return z.preprocess((value) => (value === false && words.includes('no') ? 'no' : value), z.enum(words)).meta(meaning);
}

/** One text or a list of them; always a list afterwards. */
export function texts(example: string) {
  const words: FieldWords = { allowed: 'text or a list of texts', example };
  return z
    .preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(z.string().trim().min(1)).min(1))
    .meta(words);
}

/** One of a few words or a list of them; always a list afterwards. */
export function choices<const Words extends readonly string[]>(words: Words) {
  const meaning: FieldWords = { allowed: `one or a list of ${words.join(', ')}`, example: words[0] ?? '' };
  return z
    .preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(z.enum(words)).min(1))
    .meta(meaning);
}

/** One number or a list of them; always a list afterwards. */
export function numbers(range: NumberRange) {
  const words: FieldWords = { allowed: `a list of numbers ${rangeWords(range)}`.trim(), example: range.example };
  return z
    .preprocess((value): unknown => (Array.isArray(value) ? value : [value]), z.array(number(range)).min(1))
    .meta(words);
}

/** true, false, or "auto", which leaves it to the device. */
export function flagOrAuto() {
  const words: FieldWords = { allowed: 'true, false or auto', example: 'auto' };
  return z.preprocess(booleanFromText, z.union([z.boolean(), z.literal('auto')])).meta(words);
}

/** Text in JSON as what it says; a command line has no other way to give a mapping. */
function fromJsonText(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** A mapping of names to values of one kind; may come as JSON text. */
export function mapping<Value extends z.ZodType>(value: Value, words: FieldWords) {
  return z.preprocess(fromJsonText, z.record(z.string().min(1), value)).meta(words);
}

/** A list of what is given alone or as a list, where each is a text or a list of chat messages. */
export function prompts() {
  const message = z.strictObject({ role: z.string().min(1), content: z.string() });
  const prompt = z.union([z.string().min(1), z.array(message).min(1)]);
  const words: FieldWords = {
    allowed: 'a list whose entries are texts or lists of messages with role and content',
    example: '["Who are you?", [{role: user, content: "Tell me a story."}]]',
  };
  return z
    .preprocess((value) => (typeof value === 'string' ? [value] : fromJsonText(value)), z.array(prompt).min(1))
    .meta(words);
}
