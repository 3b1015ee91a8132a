// What a merged model was made of, in a file beside its weights: so that whoever trains on it can say where it is from.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readJsonObject } from './json-file.ts';

const fileName = 'merged-from.json';

const mergedFrom = z.object({
  /** Name of the run whose adapter was merged. */
  run: z.string(),
  step: z.number(),
  /** base_model_name_or_path of that adapter: an id on the Hub where one is known, else a path. */
  baseModel: z.string(),
});

export type MergedFrom = z.infer<typeof mergedFrom>;

export function mergedFromFile(origin: MergedFrom): Map<string, string> {
  return new Map([[fileName, `${JSON.stringify(origin, null, 2)}\n`]]);
}

/** Undefined for a model that is not merged by us. */
export function readMergedFrom(folder: string): MergedFrom | undefined {
  const path = join(folder, fileName);
  if (!existsSync(path)) return undefined;
  return mergedFrom.safeParse(readJsonObject(path, 'merged-from-invalid')).data;
}
