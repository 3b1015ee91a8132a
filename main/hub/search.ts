// Searches the Hub for models and datasets, most downloaded first.
import { listDatasets, listModels } from '@huggingface/hub';
import type { HubAccess } from './access.ts';
import { ggufFactsIn, ggufField } from './gguf-files.ts';
import { withHubProblems } from './problems.ts';
import { licenceOf } from './repository.ts';

type Found = {
  id: string;
  downloads: number;
  likes: number;
  /** Milliseconds since 1970. */
  updatedAt: number;
  isGated: boolean;
  licence: string | null;
};

/** What a search asks for: weights as transformers writes them, or GGUF files. */
export type ModelFormat = 'safetensors' | 'gguf';

export type FoundModel = Found & {
  /** The Hub's excerpt of its config.json. */
  config: Record<string, unknown>;
  /** llama.cpp's name of the architecture, in a repository of GGUF files. */
  ggufArchitecture: string | null;
  /** Stored quantised: by which method. */
  quantised: string | null;
  parameters: number | null;
};

const SHOWN = 30;
/** Looked at for those that are wanted, in the first request, and where it does not suffice in a second. */
const LOOKED_AT = [100, 500] as const;

/** What the Hub lists models under. */
export type Listing = { task?: 'text-generation' | 'image-text-to-text'; tag?: string };

/**
 * Models in a format, those that `isWanted` alone. The Hub can filter by one type of model at a time, so the most
 * downloaded of all types are looked at here: one request as a rule, two where few of many are wanted. `also` are more
 * listings than that of models that write texts.
 */
export async function searchModels(
  access: HubAccess,
  query: string,
  format: ModelFormat,
  isWanted: (model: FoundModel) => boolean,
  also: readonly Listing[] = [],
): Promise<FoundModel[]> {
  // Cards of GGUF files seldom say what the model is for; their architecture does.
  const listings = format === 'gguf' ? [{}] : [{ task: 'text-generation' } as const, ...also];
  return withHubProblems(access, undefined, async () => {
    const found = await Promise.all(
      listings.map(async (listing) => {
        let wanted: FoundModel[] = [];
        for (const limit of LOOKED_AT) {
          const looked = await mostDownloaded(access, query, { format, ...listing }, limit);
          wanted = looked.filter(isWanted);
          if (wanted.length >= SHOWN || looked.length < limit) break;
        }
        return wanted;
      }),
    );
    return found
      .flat()
      .sort((a, b) => b.downloads - a.downloads)
      .slice(0, SHOWN);
  });
}

async function mostDownloaded(
  access: HubAccess,
  query: string,
  { format, task, tag }: Listing & { format: ModelFormat },
  limit: number,
): Promise<FoundModel[]> {
  const models = listModels({
    search: {
      query: query.trim(),
      ...(task === undefined ? {} : { task }),
      tags: [format, ...(tag === undefined ? [] : [tag])],
    },
    sort: 'downloads',
    limit,
    additionalFields: ['config', 'safetensors', 'cardData', 'tags', ggufField],
    hubUrl: access.url,
    fetch: access.fetch,
  });
  const found: FoundModel[] = [];
  for await (const model of models) {
    const { name, downloads, likes, updatedAt, gated, safetensors, cardData, tags } = model;
    const config = (model.config ?? {}) as Record<string, unknown>;
    const how = (config.quantization_config as { quant_method?: unknown } | undefined | null)?.quant_method;
    const gguf = format === 'gguf' ? ggufFactsIn(model) : null;
    found.push({
      id: name,
      downloads,
      likes,
      updatedAt: updatedAt.getTime() || 0,
      isGated: Boolean(gated),
      licence: licenceOf(cardData, tags),
      config,
      ggufArchitecture: gguf?.architecture ?? null,
      quantised: typeof how === 'string' ? how : null,
      parameters: gguf?.total ?? safetensors?.total ?? null,
    });
  }
  return found;
}

export type FoundDataset = Found & { description: string };

export async function searchDatasets(access: HubAccess, query: string): Promise<FoundDataset[]> {
  return withHubProblems(access, undefined, async () => {
    const found: FoundDataset[] = [];
    const datasets = listDatasets({
      search: { query: query.trim() },
      sort: 'downloads',
      limit: SHOWN,
      additionalFields: ['cardData', 'tags', 'description'],
      hubUrl: access.url,
      fetch: access.fetch,
    });
    for await (const { name, downloads, likes, updatedAt, gated, cardData, tags, description } of datasets)
      found.push({
        id: name,
        downloads,
        likes,
        updatedAt: updatedAt.getTime() || 0,
        isGated: Boolean(gated),
        licence: licenceOf(cardData, tags),
        description: plain(description),
      });
    return found;
  });
}

/** The Hub's description begins with a heading and is full of tabs. */
function plain(description: string | undefined): string {
  return (description ?? '').replaceAll(/\s+/g, ' ').trim().slice(0, 200);
}
