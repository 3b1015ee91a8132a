// What a repository of the Hub holds at one commit, and which of its files are needed here.
import { datasetInfo, listFiles, modelInfo } from '@huggingface/hub';
import { tokenizerFileNames } from '../checkpoints/tokenizer-files.ts';
import { UserError } from '../errors.ts';
import type { HubAccess } from './access.ts';
import type { Repo } from './cache.ts';
import type { RemoteFile } from './fetch-file.ts';
import { chosenGguf, ggufFactsIn, ggufField, type GgufFacts, ggufsAmong } from './gguf-files.ts';
import { notTheHub, withHubProblems } from './problems.ts';

/** `blob` is the file's name in the cache. */
export type RepoFile = RemoteFile & { blob: string };

export type Repository = {
  repo: Repo;
  /** As asked for: "main". */
  revision: string;
  commit: string;
  isGated: boolean;
  licence: string | null;
  /** Of a model, as the Hub counted them in its headers. */
  parameters: number | null;
  /** What the Hub's list has of a model's config.json: its model_type, and how it is quantised. */
  config: Record<string, unknown>;
  /** What the Hub has read in a GGUF file of a model; null where it has none. */
  gguf: GgufFacts | null;
  files: RepoFile[];
};

/** "owner/name", or for old ones "name". Throws UserError "hub-id-invalid". */
export function checkRepoId(id: string): void {
  // Dots would climb out of the cache.
  if (/^[\w.-]{1,96}(\/[\w.-]{1,96})?$/.test(id) && !/(^|\/)\.+(\/|$)|--|\.\./.test(id)) return;
  throw new UserError({
    code: 'hub-id-invalid',
    message: `"${id}" is no name of a repository on the Hugging Face Hub.`,
    fix: 'Write owner/name, as in HuggingFaceTB/SmolLM2-135M-Instruct.',
  });
}

/** A branch, a tag, "refs/pr/1" or a commit; it names a file of the cache. Throws UserError "hub-revision-invalid". */
function checkRevision(revision: string): void {
  if (/^[\w.-]+(\/[\w.-]+)*$/.test(revision) && !/(^|\/)\.+(\/|$)|\.\./.test(revision)) return;
  throw new UserError({
    code: 'hub-revision-invalid',
    message: `"${revision}" is no name of a revision on the Hugging Face Hub.`,
    fix: 'Give a branch, a tag or a commit; without one the newest files are taken.',
  });
}

/** Asks for a commit and all its files. Throws UserError as hubProblem has them. */
export async function openRepository(access: HubAccess, repo: Repo, revision = 'main'): Promise<Repository> {
  checkRepoId(repo.id);
  checkRevision(revision);
  return withHubProblems(access, repo, async () => {
    const ask = { name: repo.id, revision, hubUrl: access.url, fetch: access.fetch };
    const info =
      repo.kind === 'model'
        ? await modelInfo({ ...ask, additionalFields: ['sha', 'cardData', 'config', 'safetensors', 'tags', ggufField] })
        : await datasetInfo({ ...ask, additionalFields: ['sha', 'cardData', 'tags'] });
    if (!/^[0-9a-f]{40}$/.test(info.sha)) throw notTheHub(access, `its commit is ${JSON.stringify(info.sha)}`);
    const list = async (recursive: boolean): Promise<{ files: RepoFile[]; hasFolders: boolean }> => {
      const files: RepoFile[] = [];
      let hasFolders = false;
      const order = { repo: { type: repo.kind, name: repo.id }, recursive, revision: info.sha };
      for await (const entry of listFiles({ ...order, hubUrl: access.url, fetch: access.fetch })) {
        if (entry.type === 'file') files.push(repoFile(access, repo, info.sha, entry));
        else hasFolders = true;
      }
      return { files, hasFolders };
    };
    const top = await list(repo.kind === 'dataset');
    // Large GGUF files lie in folders, a folder for each quantisation.
    const isElsewhere = repo.kind === 'model' && top.hasFolders && !top.files.some(({ path }) => isWeights(path));
    const { files } = isElsewhere ? await list(true) : top;
    return {
      repo,
      revision,
      commit: info.sha,
      isGated: Boolean(info.gated),
      licence: licenceOf(info.cardData, info.tags),
      parameters: 'safetensors' in info ? (info.safetensors?.total ?? null) : null,
      config: (('config' in info ? info.config : undefined) ?? {}) as Record<string, unknown>,
      gguf: ggufFactsIn(info),
      files,
    };
  });
}

function repoFile(
  access: HubAccess,
  repo: Repo,
  commit: string,
  { path, size, oid, lfs }: { path: string; size: number; oid?: string; lfs?: { oid: string; size: number } },
): RepoFile {
  const blob = lfs?.oid ?? oid ?? '';
  const isSafe = path.split('/').every((part) => part !== '' && !/^\.+$|[\\:\0]/.test(part));
  if (!isSafe || !(lfs ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/).test(blob))
    throw notTheHub(access, `it lists the file ${JSON.stringify(path)} with the hash ${JSON.stringify(blob)}`);
  const folder = `${access.url}/${repo.kind === 'dataset' ? 'datasets/' : ''}${repo.id}/resolve/${commit}`;
  return {
    path,
    url: `${folder}/${path.split('/').map(encodeURIComponent).join('/')}`,
    size: lfs?.size ?? size,
    hash: { kind: lfs ? 'sha256' : 'git-sha1', hex: blob },
    blob,
  };
}

/** The licence's short name: "apache-2.0". The Hub says "other" and, beside it, which. */
export function licenceOf(card: unknown, tags: readonly string[] = []): string | null {
  const { license, license_name: name } = (card ?? {}) as Record<string, unknown>;
  if (typeof name === 'string' && (license === undefined || license === 'other')) return name;
  if (typeof license === 'string') return license;
  if (Array.isArray(license)) return license.join(', ');
  return tags.find((tag) => tag.startsWith('license:'))?.slice('license:'.length) ?? null;
}

const isWeights = (path: string): boolean => /\.(safetensors|bin|pt|pth)$/.test(path);

const besideWeights = new Set(['config.json', 'generation_config.json', 'README.md', ...tokenizerFileNames]);

/**
 * Of a model, what training reads: its config, tokenizer, card (for the licence) and one set of safetensors; many hold the
 * same weights several times. Of a repository of GGUF files the model that `file` names (by path or quantisation), or the best of them.
 * Throws UserError "weights-missing", "config-missing" or "gguf-file-missing".
 */
export function filesOfModel({ repo, files }: Repository, file?: string): RepoFile[] {
  const ggufs = ggufsAmong(files);
  if (ggufs.length > 0) return chosenGguf(repo.id, ggufs, file).files;
  const whole = files.find(({ path }) => path === 'model.safetensors');
  const shards = files.filter(({ path }) =>
    /^model-\d+-of-\d+\.safetensors$|^model\.safetensors\.index\.json$/.test(path),
  );
  if (!whole && shards.length === 0) {
    const isAdapter = files.some(({ path }) => path === 'adapter_config.json');
    const other = files.find(({ path }) => /\.(bin|pt|pth)$/.test(path))?.path;
    throw new UserError({
      code: 'weights-missing',
      message: `${repo.id} has no safetensors weights${other === undefined ? '' : `, only ${other}`}.`,
      fix: isAdapter
        ? 'It is an adapter: give it as the adapter (adapter_name_or_path), on the model that it was trained on.'
        : 'Choose another upload of the model that has model.safetensors.',
    });
  }
  if (!files.some(({ path }) => path === 'config.json'))
    throw new UserError({
      code: 'config-missing',
      message: `${repo.id} has no config.json, so it is no model that transformers would load.`,
      fix: 'Choose another upload of the model.',
    });
  return [...files.filter(({ path }) => besideWeights.has(path)), ...(whole ? [whole] : shards)];
}

/** Of an adapter in PEFT's format, its two files and those of a tokenizer. Throws UserError "adapter-files-missing". */
export function filesOfAdapter({ repo, files }: Repository): RepoFile[] {
  const own = ['adapter_config.json', 'adapter_model.safetensors'];
  const missing = own.find((name) => !files.some(({ path }) => path === name));
  if (missing !== undefined)
    throw new UserError({
      code: 'adapter-files-missing',
      message: `${repo.id} on the Hub is no adapter that can be used here: it has no ${missing}.`,
      fix: 'Choose another upload, with adapter_config.json and adapter_model.safetensors.',
    });
  const wanted = new Set([...own, 'README.md', ...tokenizerFileNames]);
  return files.filter(({ path }) => wanted.has(path));
}

/** Of a dataset, the files that can be read here, or those of them that `wanted` names. Throws UserError "data-missing". */
export function filesOfDataset({ repo, files }: Repository, wanted?: readonly string[]): RepoFile[] {
  const readable = files.filter(
    ({ path }) => /\.(jsonl|ndjson|json|csv|tsv|parquet)$/i.test(path) && !isDescription(path),
  );
  const missing = wanted?.find((path) => !readable.some((file) => file.path === path));
  if (missing !== undefined || readable.length === 0)
    throw new UserError({
      code: 'data-missing',
      message:
        missing === undefined
          ? `The dataset ${repo.id} has no file that can be read: no .jsonl, .json, .csv, .tsv or .parquet.`
          : `The dataset ${repo.id} has no data file ${missing}.`,
      fix: 'Choose another dataset; many exist in several formats.',
    });
  return wanted === undefined ? readable : readable.filter(({ path }) => wanted.includes(path));
}

const isDescription = (path: string): boolean => /(^|\/)(dataset_infos?|\.?metadata|config)\.json$/.test(path);
