// What a converted model was made of, in a file beside its weights: so that adapters and cards name what the person has,
// and not a folder of the cache.
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { looksLikeHubId } from '../hub-cache.ts';
import { readJsonObject } from '../json-file.ts';
import type { Metadata } from './metadata.ts';
import type { GgufModel } from './model.ts';

const fileName = 'converted-from.json';

const convertedFrom = z.object({
  /** Absolute path of the GGUF file. */
  path: z.string(),
  /** How most of its weights are stored: "Q4_K". */
  type: z.string(),
  /** The model on the Hub that the file says it was made from. */
  hubId: z.string().optional(),
});

export type ConvertedFrom = z.infer<typeof convertedFrom>;

export function convertedFromFile({ header, metadata, type }: Pick<GgufModel, 'header' | 'metadata' | 'type'>) {
  const hubId = sourceOnHub(metadata);
  const origin: ConvertedFrom = { path: header.path, type, ...(hubId === undefined ? {} : { hubId }) };
  return new Map([[fileName, `${JSON.stringify(origin, null, 2)}\n`]]);
}

/** Undefined for a model that is not converted by us. */
export function readConvertedFrom(folder: string): ConvertedFrom | undefined {
  const path = join(folder, fileName);
  if (!existsSync(path)) return undefined;
  return convertedFrom.safeParse(readJsonObject(path, 'converted-from-invalid')).data;
}

/**
 * The repository whose weights the file holds, if its metadata says so. general.base_model is what that model was itself
 * fine-tuned from, as a rule, and counts only where it has the same name: some upload a model again under their own.
 */
export function sourceOnHub(metadata: Metadata): string | undefined {
  const idIn = (key: string): string | undefined => {
    const id = /^https:\/\/(?:www\.)?huggingface\.co\/([^/?#]+\/[^/?#]+)\/?$/.exec(metadata.text(key) ?? '')?.[1];
    return id !== undefined && looksLikeHubId(id) ? id : undefined;
  };
  const bare = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const own = idIn('general.source.repo_url') ?? metadata.text('general.source.huggingface.repository');
  if (own !== undefined && looksLikeHubId(own)) return own;
  const base = idIn('general.base_model.0.repo_url');
  const name = metadata.text('general.name');
  return base !== undefined && name !== undefined && bare(basename(base)) === bare(name) ? base : undefined;
}
