// The Hugging Face Hub: searching it, looking at a repository, and downloads, which belong to the program and not to a
// window: they go on without one.
import { z } from 'zod';
import { modelFacts } from './models.ts';
import { errorDetails } from './records.ts';

const repoKind = z.enum(['model', 'dataset']);
/** "owner/name" */
const repoId = z.string().min(1).max(200);

const found = z.object({
  id: z.string(),
  downloads: z.number(),
  likes: z.number(),
  updatedAt: z.number(),
  /** Only for those who accepted its conditions. */
  isGated: z.boolean(),
  licence: z.string().nullable(),
});

const foundModel = found.extend({
  /** model_type of its config, or llama.cpp's name of the architecture. */
  modelType: z.string().nullable(),
  parameters: z.number().nullable(),
  /** Why it cannot be trained, as far as the Hub's list tells; null where nothing speaks against it. */
  problem: z.string().nullable(),
  /** Where it is on this machine already. */
  folder: z.string().nullable(),
});

const foundDataset = found.extend({ description: z.string() });

/** One download, from its start until it is dismissed. */
export const download = z.object({
  id: z.string(),
  kind: repoKind,
  repo: z.string(),
  revision: z.string(),
  state: z.enum(['running', 'paused', 'failed', 'finished']),
  bytesDone: z.number(),
  bytesTotal: z.number(),
  /** Over the last seconds; null where nothing is known yet. */
  bytesPerSecond: z.number().nullable(),
  remainingMs: z.number().nullable(),
  /** Why it failed. */
  error: errorDetails.nullable(),
  /** The snapshot in the Hugging Face cache; complete once finished. */
  folder: z.string(),
  /** Full paths, once finished. */
  files: z.array(z.string()),
  /** In the repository. */
  paths: z.array(z.string()),
});
export type Download = z.infer<typeof download>;

/** Told a few times a second while something moves. */
export const downloadsChanged = z.object({ type: z.literal('downloads-changed'), downloads: z.array(download) });

const oneDownload = z.strictObject({ id: z.string() });

export const hubCommands = {
  /** Most downloaded first. Without `all` only those of an architecture that can be trained. */
  'hub.searchModels': {
    input: z.strictObject({
      query: z.string().max(200),
      all: z.boolean(),
      /** Weights as transformers writes them, or GGUF files. */
      format: z.enum(['safetensors', 'gguf']),
    }),
    output: z.array(foundModel),
  },
  'hub.modelInfo': {
    input: z.strictObject({
      repo: repoId,
      revision: z.string().min(1).max(200).optional(),
      /** Of a repository of GGUF files, which: a path or a quantisation. The best to train on where absent. */
      file: z.string().min(1).max(500).optional(),
    }),
    output: z.object({
      repo: z.string(),
      commit: z.string(),
      /** Its page. */
      url: z.string(),
      isGated: z.boolean(),
      /** What its files say, from the Hub: `reference` is "" until it is downloaded. */
      facts: modelFacts,
      /** Of the files that are needed; and of them those that are not on the disk yet. */
      downloadBytes: z.number(),
      missingBytes: z.number(),
      /** Why its files may not be read, with what to do: a gated model. The facts are then those of the Hub's list. */
      refusal: errorDetails.nullable(),
      /** The GGUF file that the facts are of; null where the repository holds safetensors. */
      file: z.string().nullable(),
      /** All that it has, the best to train on first; `problem` says why one cannot be read. */
      ggufs: z.array(
        z.object({
          path: z.string(),
          /** "Q4_K_M" */
          quantisation: z.string().nullable(),
          bytes: z.number(),
          problem: z.string().nullable(),
        }),
      ),
    }),
  },
  'hub.searchDatasets': { input: z.strictObject({ query: z.string().max(200) }), output: z.array(foundDataset) },
  'hub.datasetInfo': {
    input: z.strictObject({ repo: repoId, revision: z.string().min(1).max(200).optional() }),
    output: z.object({
      repo: z.string(),
      commit: z.string(),
      url: z.string(),
      isGated: z.boolean(),
      licence: z.string().nullable(),
      /** Those that can be read. */
      files: z.array(z.object({ path: z.string(), size: z.number() })),
    }),
  },
  /** Whose token it is; null where there is none that the Hub takes, and `problem` then says why. */
  'hub.account': {
    input: z.strictObject({}),
    output: z.object({
      /** Of the Hub. */
      url: z.string(),
      account: z
        .object({
          name: z.string(),
          organizations: z.array(z.string()),
          /** Of the token: "write", "read", "fineGrained"; null where the Hub does not say. */
          role: z.string().nullable(),
        })
        .nullable(),
      problem: errorDetails.nullable(),
    }),
  },
  /** What a repository to upload to is called in full, and whether it is there. */
  'hub.uploadTarget': {
    input: z.strictObject({ repo: repoId }),
    output: z.object({
      repo: z.string(),
      url: z.string(),
      /** Null where it would be made. */
      found: z.object({ isPrivate: z.boolean() }).nullable(),
    }),
  },
  'downloads.list': { input: z.strictObject({}), output: z.array(download) },
  /** Goes on with what an earlier download left. Answers when it has begun, with "finished" where all was there. */
  'downloads.start': {
    input: z.strictObject({
      kind: repoKind,
      repo: repoId,
      revision: z.string().min(1).max(200).optional(),
      /**
       * Of a dataset: paths as hub.datasetInfo has them; all that can be read where absent. Of a repository of GGUF
       * files: the one as hub.modelInfo has it; the best where absent.
       */
      files: z.array(z.string()).min(1).max(10_000).optional(),
    }),
    output: download,
  },
  'downloads.pause': { input: oneDownload, output: z.object({}) },
  /** Also tries a failed one again. */
  'downloads.resume': { input: oneDownload, output: z.object({}) },
  /** Ends it, or dismisses a finished one. What came stays in the cache, and a later start goes on with it. */
  'downloads.cancel': { input: oneDownload, output: z.object({}) },
};
