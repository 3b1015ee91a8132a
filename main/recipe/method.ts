// What a training method brings to its recipes. recipe.ts lists the methods; the parser knows them only through this.
import type { z } from 'zod';
import type { RefusedKey } from './other-keys.ts';

export type CheckContext = {
  /** Whether the key was given a value other than its default. */
  isSet: (key: string) => boolean;
  /** A sentence for the run's events. */
  note: (sentence: string) => void;
};

export type MethodDefinition<Recipe> = {
  /** As a model card puts it. */
  title: string;
  /** What it is for, in a list of commands. */
  purpose: string;
  /** Whose keys these are: "trl sft". */
  trlName: string;
  /** The keys that take effect, in the order in which a written recipe shows them. */
  shape: Readonly<Record<string, z.ZodType>>;
  schema: z.ZodType<Recipe>;
  /** Keys that TRL, as trlName says, would refuse. */
  ownKeys: readonly string[];
  /** Keys accepted without effect, beside those of every method: key -> what to say of it. */
  noted: Readonly<Record<string, string>>;
  /** Keys whose effect would be missed, beside those of every method. */
  refused: Readonly<Record<string, RefusedKey>>;
  /** Keys that older versions of TRL had for this method -> why and what to write now. */
  removed: Readonly<Record<string, string>>;
  /** Turns other spellings of values into ours. */
  translate: (values: Map<string, unknown>, note: CheckContext['note']) => void;
  /** Metrics of an evaluation, without eval_. */
  evalMetrics: readonly string[];
  /** Keys that a model card tells. */
  cardKeys: readonly (keyof Recipe & string)[];
  /** What single keys cannot know. Throws UserError. */
  check: (recipe: Recipe, context: CheckContext) => void;
};
