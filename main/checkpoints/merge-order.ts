// A merge that a run needs before it can begin: kept in the run's folder, done by the job process, and done again where
// the cache was emptied in between. Which adapter belongs to which base is decided in app/.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { readAdapter } from './adapter.ts';
import { removeAbandoned } from './atomic.ts';
import { readyModel } from './gguf/ready-model.ts';
import { readJsonObject } from './json-file.ts';
import { mergedFromFile } from './merged-from.ts';
import { type MergeHooks, writeMergedModel } from './merged-model.ts';
import { openModelFolder } from './model-folder.ts';
import { findTokenizerFiles } from './tokenizer-files.ts';

const fileName = 'merge.json';

const mergeOrder = z.object({
  /** Where the merged model goes; complete when it is there. */
  target: z.string(),
  /** Folder of the base model, or a GGUF file. */
  base: z.string(),
  /** Folder of the adapter. */
  adapter: z.string(),
  /** The adapter's run. */
  run: z.string(),
  step: z.number(),
  /** base_model_name_or_path of the adapter. */
  baseModel: z.string(),
  /** Chat template that the run wrote its rows with, where it is not the base model's. */
  chatTemplate: z.string().optional(),
});

export type MergeOrder = z.infer<typeof mergeOrder>;

export function writeMergeOrder(runDir: string, order: MergeOrder): void {
  writeFileSync(join(runDir, fileName), `${JSON.stringify(order, null, 2)}\n`);
}

/** The merge that a run began with, if any. */
export function readMergeOrder(runDir: string): MergeOrder | undefined {
  const path = join(runDir, fileName);
  return existsSync(path) ? mergeOrder.parse(readJsonObject(path, 'merge-order-invalid')) : undefined;
}

/**
 * Tokenizer files lie beside a finished adapter; a checkpoint has none, and its base model's are meant.
 * @throws UserError where the base model is needed and cannot be opened
 */
export function tokenizerFilesFor(adapter: string, base: string): string[] {
  const beside = findTokenizerFiles(adapter);
  return beside.some((path) => basename(path) === 'tokenizer.json') ? beside : openModelFolder(base).tokenizerFiles;
}

/**
 * Does the merge that the run in `runDir` needs, unless it was done before. It keeps the base model's dtype: what is
 * trained on is then what an export of the merged model gives to others, bit for bit, and takes no more room than the
 * base model.
 * @throws UserError "merge-source-gone", and those of models, adapters and disks
 */
export async function fulfilMergeOrder(runDir: string, cacheDir: string, hooks: MergeHooks = {}): Promise<void> {
  const order = readMergeOrder(runDir);
  if (order === undefined || existsSync(join(order.target, 'config.json'))) return;
  for (const [what, path] of [
    ['base model', order.base],
    ['adapter', order.adapter],
  ] as const)
    if (!existsSync(path))
      throw new UserError({
        code: 'merge-source-gone',
        message: `The model of this run is the run ${order.run} merged into its base model. The merged model is not in the cache (any more), and the ${what} to make it from is gone: ${path}.`,
        fix: 'Put the folder back, or start a new run from a model that is there.',
      });
  const base = await readyModel(order.base, cacheDir, hooks);
  const parent = dirname(order.target);
  mkdirSync(parent, { recursive: true });
  removeAbandoned(parent);
  try {
    await writeMergedModel(
      order.target,
      {
        base: openModelFolder(base),
        adapter: readAdapter(order.adapter),
        dtype: 'auto',
        maxShardBytes: 5e9,
        tokenizerFiles: tokenizerFilesFor(order.adapter, base),
        chatTemplate: order.chatTemplate,
        extras: mergedFromFile(order),
      },
      hooks,
    );
  } catch (error) {
    // Another run needed the same model and was faster.
    if (!existsSync(join(order.target, 'config.json'))) throw error;
  }
}
