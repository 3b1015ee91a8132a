// Recipes as a form fills them in: what each key is, presets, what is wrong, YAML both ways, and what a run would take.
import { z } from 'zod';
import { rowSizes } from './data.ts';
import { errorDetails } from './records.ts';

const values = z.record(z.string(), z.json());
/** What was set, over a preset (null: over the defaults). */
const draftInput = z.strictObject({ method: z.string(), preset: z.string().nullable(), values });

export const keyDescription = z.object({
  key: z.string(),
  label: z.string(),
  group: z.string(),
  /** Names of keys and values stand in backquotes. */
  does: z.string(),
  /** Not a key of TRL. */
  ours: z.boolean(),
  /** "structure": a list or a mapping, written as YAML. */
  kind: z.enum(['number', 'switch', 'choice', 'text', 'structure']),
  choices: z.array(z.string()),
  /** Completes "must be …". */
  allowed: z.string(),
  example: z.string(),
  /** Null where the key is unset or required. */
  fallback: z.json(),
  required: z.boolean(),
});
export type KeyDescription = z.infer<typeof keyDescription>;

export const methodDescription = z.object({ name: z.string(), title: z.string(), purpose: z.string() });

export const preset = z.object({
  name: z.string(),
  method: z.string(),
  purpose: z.string(),
  /** What it sets. */
  values,
});
export type Preset = z.infer<typeof preset>;

export const recipeCheck = z.object({
  /** `key` is null where no single key is to blame. */
  problems: z.array(z.object({ key: z.string().nullable(), error: errorDetails })),
  notes: z.array(z.string()),
  /** Every key with the value that counts; empty while there are problems. */
  effective: values,
});
export type RecipeCheck = z.infer<typeof recipeCheck>;

/** Bytes by what they are for. */
const memory = z.object({
  weights: z.number(),
  activations: z.number(),
  optimizer: z.number(),
  overhead: z.number(),
});

export const estimate = z.object({
  /** Of the host, by what it is for. */
  memory,
  /** Of the device where it trains; null where that is the processor, or shares its memory. */
  device: z
    .object({
      /** As recipes name it: "cuda:1". */
      name: z.string(),
      /** "NVIDIA GeForce RTX 4070"; null where that is not known. */
      title: z.string().nullable(),
      memory,
      /** Null where they are not known. */
      totalBytes: z.number().nullable(),
      freeBytes: z.number().nullable(),
    })
    .nullable(),
  /** Of the machine, and what is free now. */
  totalMemoryBytes: z.number(),
  freeMemoryBytes: z.number(),
  /** Of an optimizer step; null where nothing is known of this machine yet. */
  stepMs: z.number().nullable(),
  /** Null where the number of rows decides and is not known. */
  totalSteps: z.number().nullable(),
  /** On the disk: checkpoints and adapter. */
  diskBytes: z.number(),
  freeDiskBytes: z.number(),
  /** Changes that lower the memory, the cheapest first. */
  savings: z.array(
    z.object({
      /** "Recompute activations" */
      text: z.string(),
      /** What it costs beside time: "longer rows are cut" */
      price: z.string(),
      changes: values,
      /** Memory with it, all parts together: of the host, and of the device where there is one. */
      bytes: z.number(),
      deviceBytes: z.number().nullable(),
      /** A step with it to a step without it; null where that was never measured. */
      timeRatio: z.number().nullable(),
    }),
  ),
});
export type Estimate = z.infer<typeof estimate>;

export const recipeCommands = {
  'recipe.describe': {
    input: z.strictObject({ method: z.string() }),
    output: z.object({ methods: z.array(methodDescription), keys: z.array(keyDescription), presets: z.array(preset) }),
  },
  /** Opens neither model nor data. */
  'recipe.check': { input: draftInput, output: recipeCheck },
  /** What was set, as YAML; the preset's values are written out. */
  'recipe.toYaml': { input: draftInput, output: z.object({ yaml: z.string() }) },
  /** Keys and values of YAML, unchecked. Fails with "recipe-not-yaml", which names the line. */
  'recipe.fromYaml': { input: z.strictObject({ yaml: z.string().max(200_000) }), output: z.object({ values }) },
  /**
   * Fails where the model cannot be read. `rows` is the number of training rows, `sizes` how large they are, where that
   * is known; else all are taken to be as long as max_length.
   */
  'recipe.estimate': {
    input: draftInput.extend({
      rows: z.int().min(0).nullable(),
      sizes: rowSizes.nullable(),
    }),
    output: estimate,
  },
};
