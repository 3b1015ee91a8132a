// Which training methods there are. A new one is a file that defines it and a line in this table.
import type { z } from 'zod';
import { dpo } from './dpo-recipe.ts';
import type { FieldWords } from './fields.ts';
import type { MethodDefinition } from './method.ts';
import { orpo } from './orpo-recipe.ts';
import { sft } from './sft-recipe.ts';
import { simpo } from './simpo-recipe.ts';

const definitions = { sft, dpo, orpo, simpo };

export type Method = keyof typeof definitions;

type Recipes = {
  [M in Method]: (typeof definitions)[M] extends MethodDefinition<infer Found> ? Found : never;
};

/** The checked recipe of a method: every default filled in, and `method` says which it is. */
export type RecipeOf<M extends Method> = Recipes[M];

export type Recipe = Recipes[Method];

/** Method -> its definition. */
export const methods: Readonly<{ [M in Method]: MethodDefinition<Recipes[M]> }> = definitions;

export const METHODS = Object.keys(methods) as Method[];

/** Whether this is the name of a method. */
export const isMethod = (name: string): name is Method => Object.hasOwn(methods, name);

/** The keys of a method that take effect. */
export function keysOf(method: Method): string[] {
  return Object.keys(methods[method].shape);
}

/** The words for an error about a key: what it may be, and an example. */
export function fieldWords(field: z.ZodType): FieldWords {
  const { allowed, example } = innermost(field).meta() as FieldWords;
  return { allowed: field.safeParse(null).success ? `${allowed}, or null` : allowed, example };
}

function innermost(field: z.ZodType): z.ZodType {
  const { def } = field as z.ZodType & { def: { type: string; innerType?: z.ZodType } };
  return ['default', 'optional', 'nullable'].includes(def.type) && def.innerType ? innermost(def.innerType) : field;
}
