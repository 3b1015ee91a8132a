// Searches the Hub for models and datasets, most downloaded first.
import { listDatasets, listModels } from '@huggingface/hub';
import type { HubAccess } from './access.ts';
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

export type FoundModel = Found & {
  /** model_type of its config.json; null where the Hub does not say. */
  modelType: string | null;
  /** Stored quantised: by which method. */
  quantised: string | null;
  parameters: number | null;
};

const SHOWN = 30;

/**
 * Models that generate text and have safetensors. With `modelTypes` only those of these types: the Hub can filter by one
 * at a time, so each is asked for.
 */
export async function searchModels(
  access: HubAccess,
  query: string,
  modelTypes?: readonly string[],
): Promise<FoundModel[]> {
  const found = await withHubProblems(access, undefined, () =>
    Promise.all((modelTypes ?? [undefined]).map((type) => searchOne(access, query, type))),
  );
  return [...new Map(found.flat().map((model) => [model.id, model])).values()]
    .sort((a, b) => b.downloads - a.downloads)
    .slice(0, SHOWN);
}

async function searchOne(access: HubAccess, query: string, modelType: string | undefined): Promise<FoundModel[]> {
  const models = listModels({
    search: {
      query: query.trim(),
      task: 'text-generation',
      tags: ['safetensors', ...(modelType === undefined ? [] : [modelType])],
    },
    sort: 'downloads',
    limit: SHOWN,
    additionalFields: ['config', 'safetensors', 'cardData', 'tags'],
    hubUrl: access.url,
    fetch: access.fetch,
  });
  const found: FoundModel[] = [];
  for await (const { name, downloads, likes, updatedAt, gated, config, safetensors, cardData, tags } of models) {
    const { model_type: type, quantization_config: quantisation } = (config ?? {}) as Record<string, unknown>;
    const how = (quantisation as { quant_method?: unknown } | undefined | null)?.quant_method;
    found.push({
      id: name,
      downloads,
      likes,
      updatedAt: updatedAt.getTime() || 0,
      isGated: Boolean(gated),
      licence: licenceOf(cardData, tags),
      modelType: typeof type === 'string' ? type : null,
      quantised: typeof how === 'string' ? how : null,
      parameters: safetensors?.total ?? null,
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
