// Models as a person chooses them: what one is, whether it can be trained, and where there are some.
import { z } from 'zod';
import { errorDetails } from './records.ts';

/** What the files of a model say of it. Null where they do not say. */
export const modelFacts = z.object({
  /** What model_name_or_path is set to: a folder, or run:NAME. */
  reference: z.string(),
  /** A Hub id, a folder's name, or a run's name. */
  name: z.string(),
  /** model_type of its config.json: "llama". */
  modelType: z.string().nullable(),
  /** Why it cannot be trained; null where it can. */
  problem: errorDetails.nullable(),
  parameters: z.number().nullable(),
  /** Of its weights on the disk. */
  bytes: z.number().nullable(),
  /** How most weights are stored: "BF16". */
  dtype: z.string().nullable(),
  /** Of a GGUF file, how most of its weights are stored: "Q4_K"; the other facts are those of what it is converted to. */
  gguf: z.string().nullable(),
  /** Positions that it was made for. */
  contextLength: z.number().nullable(),
  vocabSize: z.number().nullable(),
  layers: z.number().nullable(),
  hiddenSize: z.number().nullable(),
  hasChatTemplate: z.boolean().nullable(),
  /** Short name: "apache-2.0". */
  licence: z.string().nullable(),
  /** Where a folder of the Hugging Face cache came from. */
  origin: z.object({ id: z.string(), revision: z.string() }).nullable(),
  /** Where it lies; null where it is on the Hub only. */
  folder: z.string().nullable(),
  /** Set where an adapter was looked at: `reference` is then the model below it, "" where that is not on this machine. */
  adapter: z.object({ reference: z.string(), base: z.string().nullable(), rank: z.number() }).nullable(),
});
export type ModelFacts = z.infer<typeof modelFacts>;

export const knownModel = modelFacts.extend({
  /** When a run last used it, or when the run that made it ended. Milliseconds since 1970. */
  usedAt: z.number().nullable(),
});
export type KnownModel = z.infer<typeof knownModel>;

export const modelCommands = {
  /** `path` is a folder of a model or an adapter, a repository of the Hugging Face cache, or run:NAME. */
  'models.inspect': { input: z.strictObject({ path: z.string().min(1) }), output: modelFacts },
  'models.known': {
    input: z.strictObject({}),
    output: z.object({
      /** The one that ships with Lorelei. */
      starter: knownModel,
      /** Used by runs, the last used first; without those below. */
      recent: z.array(knownModel),
      /** In the Hugging Face cache. */
      downloaded: z.array(knownModel),
      /** Runs whose adapter can be merged (model_name_or_path: run:NAME) or trained further. */
      runs: z.array(knownModel),
    }),
  },
};
