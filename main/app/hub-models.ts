// What the Hub has, seen with what can be trained here and what is on this machine already.
import type { CommandInput, CommandOutput, ErrorDetails, ModelFacts } from '../../preload/contract.ts';
import { trainableArchitecture } from '../checkpoints/gguf/model.ts';
import { modelTypeOf, supportedModelTypes } from '../engine/models/registry.ts';
import { whatElse } from '../engine/models/unsupported.ts';
import { UserError } from '../errors.ts';
import { cachedModel, snapshotFolder } from '../hub/cache.ts';
import { bytesCached, bytesOf, isCached, planOf, type DownloadPlan } from '../hub/download.ts';
import { ggufsAmong } from '../hub/gguf-files.ts';
import { withHubProblems } from '../hub/problems.ts';
import { filesOfDataset, filesOfModel, openRepository } from '../hub/repository.ts';
import { searchModels, type FoundModel } from '../hub/search.ts';
import type { App } from './app.ts';
import { hubGgufInfo } from './hub-gguf.ts';
import { factsOfConfig } from './inspect-model.ts';

export async function searchHubModels(
  { hub }: App,
  { query, all, format }: CommandInput<'hub.searchModels'>,
): Promise<CommandOutput<'hub.searchModels'>> {
  const isTrainable = (model: FoundModel): boolean => typeOf(model) !== null && problemOf(model) === null;
  const found = await searchModels(await hub.access(), query, format, all ? () => true : isTrainable, [seeing]);
  return found.map((model) => {
    const { quantised: _, config: __, ggufArchitecture: ___, ...shown } = model;
    const folder = cachedModel(hub.cache, model.id) ?? null;
    return { ...shown, modelType: typeOf(model), problem: problemOf(model), folder };
  });
}

/** Gemma 3 from 4B on also sees: the Hub lists it elsewhere, and its part for text can be trained. */
const seeing = { task: 'image-text-to-text', tag: 'gemma3' } as const;

/** model_type of its config, or what llama.cpp calls it. */
function typeOf({ config, ggufArchitecture }: FoundModel): string | null {
  return ggufArchitecture ?? modelTypeOf(config) ?? null;
}

function problemOf(model: FoundModel): string | null {
  const { ggufArchitecture, quantised, config } = model;
  if (ggufArchitecture !== null)
    return trainableArchitecture(ggufArchitecture)
      ? null
      : `Its architecture ${ggufArchitecture} is not supported as GGUF.`;
  if (quantised !== null) return `Stored quantised (${quantised}), which cannot be trained. Choose the original.`;
  const modelType = modelTypeOf(config);
  if (modelType === undefined || supportedModelTypes.includes(modelType)) return null;
  const what = whatElse(modelType);
  return what === undefined
    ? `Its architecture ${modelType} is not supported.`
    : `It is ${what} (${modelType}): not supported.`;
}

/** Reads config.json from the Hub. Throws UserError of hubProblem, "weights-missing", "config-missing". */
export async function hubModelInfo(
  { hub }: App,
  id: string,
  { revision, file }: { revision?: string | undefined; file?: string | undefined } = {},
): Promise<CommandOutput<'hub.modelInfo'>> {
  const access = await hub.access();
  const repository = await openRepository(access, { kind: 'model', id }, revision);
  const ggufs = ggufsAmong(repository.files);
  if (ggufs.length > 0) return hubGgufInfo({ hub }, access.url, repository, ggufs, file);
  const { repo, commit, files, isGated, licence, parameters } = repository;
  const needed = planOf(repository, filesOfModel(repository));
  const readJson = async (name: string): Promise<Record<string, unknown>> => {
    const url = files.find(({ path }) => path === name)?.url;
    if (url === undefined) return {};
    const text = await withHubProblems(access, repo, async () => (await access.fetch(url)).text());
    return objectIn(text, `${id}/${name}`);
  };
  let [config, tokenizer] = [repository.config, {} as Record<string, unknown>];
  let refusal: ErrorDetails | null = null;
  try {
    [config, tokenizer] = await Promise.all([readJson('config.json'), readJson('tokenizer_config.json')]);
  } catch (error) {
    // Of a gated model the list is open, and only the files are not.
    if (!(error instanceof UserError) || !refusals.has(error.code)) throw error;
    refusal = error.toWindow();
  }
  const told = factsOfConfig(config, id);
  const snapshot = snapshotFolder(hub.cache, repo, commit);
  const isThere = isCached(hub.cache, needed);
  const facts: ModelFacts = {
    reference: isThere ? snapshot : '',
    name: id,
    ...told,
    // The list has only parts of the config; the type is one of them.
    problem: refusal === null || told.problem?.code === 'model-type-unsupported' ? told.problem : null,
    parameters,
    bytes: needed.files.reduce((sum, { path, size }) => sum + (path.endsWith('.safetensors') ? size : 0), 0),
    dtype: dtypeOf(config),
    gguf: null,
    hasChatTemplate:
      refusal !== null
        ? null
        : tokenizer.chat_template !== undefined || files.some(({ path }) => /^chat_template\./.test(path)),
    licence,
    origin: { id, revision: commit },
    folder: isThere ? snapshot : null,
    adapter: null,
  };
  const downloadBytes = bytesOf(needed);
  return {
    repo: id,
    commit,
    url: `${access.url}/${id}`,
    isGated,
    facts,
    downloadBytes,
    missingBytes: downloadBytes - bytesCached(hub.cache, needed),
    refusal,
    file: null,
    ggufs: [],
  };
}

const refusals: ReadonlySet<string> = new Set(['hub-gated', 'hub-forbidden', 'hub-token-refused']);

/** "bfloat16", newer files say dtype, as safetensors writes it: "BF16". */
function dtypeOf({ dtype, torch_dtype: older }: Record<string, unknown>): string | null {
  const names: Record<string, string> = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' };
  const name = typeof dtype === 'string' ? dtype : older;
  return typeof name === 'string' ? (names[name] ?? name) : null;
}

export async function hubDatasetInfo(
  { hub }: App,
  id: string,
  revision?: string,
): Promise<CommandOutput<'hub.datasetInfo'>> {
  const access = await hub.access();
  const repository = await openRepository(access, { kind: 'dataset', id }, revision);
  return {
    repo: id,
    commit: repository.commit,
    url: `${access.url}/datasets/${id}`,
    isGated: repository.isGated,
    licence: repository.licence,
    files: filesOfDataset(repository).map(({ path, size }) => ({ path, size })),
  };
}

/** Asks the Hub what is to be fetched. Throws UserError of hubProblem, "weights-missing", "data-missing" … */
export async function planDownload(
  { hub }: App,
  { kind, repo, revision, files }: CommandInput<'downloads.start'>,
): Promise<DownloadPlan> {
  const repository = await openRepository(await hub.access(), { kind, id: repo }, revision);
  return planOf(
    repository,
    kind === 'model' ? filesOfModel(repository, files?.[0]) : filesOfDataset(repository, files),
  );
}

function objectIn(text: string, name: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new UserError({
    code: 'config-invalid',
    message: `${name} on the Hub is not valid JSON.`,
    fix: 'Choose another upload of the model.',
  });
}
