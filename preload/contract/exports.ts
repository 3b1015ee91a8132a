// Writing what a run has learned into a folder, as others load it.
import { z } from 'zod';

const exportFormat = z.enum(['peft', 'merged']);
export type ExportFormat = z.infer<typeof exportFormat>;

const chosen = {
  id: z.string(),
  /** "last", "best" or a step. */
  checkpoint: z.string().min(1),
  format: exportFormat,
  /** Of a merged model's weights: auto keeps those of the base model. */
  dtype: z.enum(['auto', 'float32', 'float16', 'bfloat16']),
};

const whatToExport = {
  ...chosen,
  folder: z.string().regex(/^[^\0]*$/),
};

export const exportCommands = {
  /** What an export would take. An empty folder asks for one to suggest. */
  'export.plan': {
    input: z.strictObject(whatToExport),
    output: z.object({
      step: z.number(),
      folder: z.string(),
      /** Something is in it. */
      isTaken: z.boolean(),
      /** Null where the model's files do not say. */
      neededBytes: z.number().nullable(),
      freeBytes: z.number(),
      /** The model below the adapter, as others find it: its Hub id, else its folder. */
      baseModel: z.string(),
      /** Rank of the adapter's largest layer. */
      rank: z.number(),
      useDora: z.boolean(),
    }),
  },
  /** Writes it and uploads it to a model repository of the Hugging Face Hub, which is made where there is none. */
  'export.push': {
    input: z.strictObject({
      ...chosen,
      maxShardSize: z.string().max(20),
      /** "owner/name", or "name" for the account of the token. */
      repo: z.string().min(1).max(200),
      isPrivate: z.boolean(),
      /** First line of the commit; empty: one that says what it is. */
      message: z.string().max(300),
    }),
    output: z.object({
      step: z.number(),
      repo: z.string(),
      url: z.string(),
      isNew: z.boolean(),
      isPrivate: z.boolean(),
      warnings: z.array(z.string()),
    }),
  },
  /** Tells how far it is; cancelling leaves nothing behind. */
  'export.start': {
    input: z.strictObject({
      ...whatToExport,
      /** "5GB" */
      maxShardSize: z.string().max(20),
      overwrite: z.boolean(),
    }),
    output: z.object({ step: z.number(), folder: z.string(), warnings: z.array(z.string()) }),
  },
};
