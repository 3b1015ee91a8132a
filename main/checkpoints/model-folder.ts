// Opens a model folder in Hugging Face layout: its config, where each weight lies, its tokenizer files. No weight is
// read. Whether config and weights make a model is left to engine/models, what the tokenizer says to data.
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { withFileProblems } from './file-problem.ts';
import { type ConvertedFrom, readConvertedFrom } from './gguf/converted-from.ts';
import { hubOrigin, looksLikeHubId, snapshotOf } from './hub-cache.ts';
import { readJsonObject } from './json-file.ts';
import { languagePart } from './language-part.ts';
import { refuseQuantised } from './quantised.ts';
import { pytorchFix, readSafetensorsHeader, type TensorInfo } from './safetensors.ts';
import { findTokenizerFiles } from './tokenizer-files.ts';

export type WeightLocation = TensorInfo & {
  /** Real path of the file: no link in it. */
  file: string;
};

export type ModelFolder = {
  /** Absolute; of a cache folder, the snapshot. */
  path: string;
  config: Record<string, unknown>;
  weights: Map<string, WeightLocation>;
  /** Of a model that also sees: config and weights are those of its part for text (language-part.ts). */
  isPart?: boolean;
  /** Full paths. */
  tokenizerFiles: string[];
  /** Where a cache snapshot came from: written into adapters, so that others find the base model. */
  origin?: { id: string; revision: string };
  /** Of a model that was made from a GGUF file. */
  convertedFrom?: ConvertedFrom;
};

/** @throws UserError that says what is missing or wrong in the folder, and how to get a usable one */
export function openModelFolder(path: string): ModelFolder {
  const folder = existingFolder(path);
  const names = withFileProblems(folder, 'read', () => readdirSync(folder));
  refuseUnusable(folder, names);
  const config = readJsonObject(join(folder, 'config.json'), 'config-invalid');
  const origin = hubOrigin(folder);
  refuseQuantised(config, { place: folder, id: origin?.id ?? basename(folder) });
  const convertedFrom = readConvertedFrom(folder);
  const weights = names.includes('model.safetensors') ? singleFile(folder) : shards(folder);
  const part = languagePart(config, weights);
  return {
    path: folder,
    config,
    weights,
    ...(part && { ...part, isPart: true }),
    tokenizerFiles: findTokenizerFiles(folder),
    ...(origin === undefined ? {} : { origin }),
    ...(convertedFrom === undefined ? {} : { convertedFrom }),
  };
}

/**
 * How an adapter's config names its base model: by the Hub's id where that is known, else by path. Of a converted model,
 * which lies in the cache, the GGUF file counts, or the model that it was quantised from, as for QLoRA.
 */
export function baseModelName({ origin, convertedFrom, path }: ModelFolder): {
  name: string;
  revision: string | null;
} {
  return {
    name: origin?.id ?? convertedFrom?.hubId ?? convertedFrom?.path ?? path,
    revision: origin?.revision ?? null,
  };
}

function existingFolder(path: string): string {
  const folder = resolve(path);
  if (!existsSync(folder)) {
    if (looksLikeHubId(path))
      throw new UserError({
        code: 'model-not-local',
        message: `There is no folder ${folder}. "${path}" looks like a model on the Hugging Face Hub, and it is not in this machine’s Hugging Face cache.`,
        fix: `Download it first: in the window under New run, or with hf download ${path}. A recipe then finds it by that name.`,
      });
    throw new UserError({
      code: 'model-not-found',
      message: `The model folder ${folder} does not exist.`,
      fix: 'Set model_name_or_path to a folder with config.json and model.safetensors.',
    });
  }
  if (!withFileProblems(folder, 'read', () => statSync(folder)).isDirectory())
    throw new UserError(
      path.endsWith('.gguf')
        ? {
            code: 'gguf-weights',
            message: `${folder} is a GGUF file, and a model folder is needed here.`,
            fix: ggufFix,
          }
        : {
            code: 'model-not-a-folder',
            message: `${folder} is a file; a model is a folder with config.json, model.safetensors and tokenizer files.`,
            fix: 'Set model_name_or_path to the folder that holds it.',
          },
    );
  return withFileProblems(folder, 'read', () => snapshotOf(folder));
}

const ggufFix = 'Name the GGUF file itself as model_name_or_path: it is converted when a run starts.';

function refuseUnusable(folder: string, names: readonly string[]): void {
  const refuse = (code: string, what: string, fix: string): never => {
    throw new UserError({ code, message: `The model folder ${folder} ${what}.`, fix });
  };
  const have = (pattern: RegExp): string | undefined => names.find((name) => pattern.test(name));
  const weights = have(/^model\.safetensors(\.index\.json)?$/);
  const adapter = have(/^adapter_config\.json$/);
  const shard = have(/^model-\d+-of-\d+\.safetensors$/);
  const pytorch = have(/\.(bin|pt|pth)(\.index\.json)?$/);
  const gguf = have(/\.gguf$/);
  if (names.length === 0) refuse('model-empty', 'is empty', 'Download the model again.');
  if (weights === undefined) {
    if (adapter !== undefined)
      refuse(
        'model-is-adapter',
        'holds a PEFT adapter, not a model',
        'To train this adapter further, set model_name_or_path to the model that it was trained on (base_model_name_or_path in adapter_config.json) and adapter_name_or_path to this folder. To train a new one on top of it, merge it first: model_name_or_path: run:NAME does so for the adapter of a run.',
      );
    if (shard !== undefined)
      refuse('index-missing', `has ${shard} but no model.safetensors.index.json`, 'Download the index file too.');
    if (pytorch !== undefined)
      refuse(
        'pytorch-weights',
        `has its weights only in PyTorch's format (${pytorch})`,
        pytorchFix.replace('FOLDER', folder),
      );
    if (gguf !== undefined) refuse('gguf-weights', `has its weights only as GGUF (${gguf})`, ggufFix);
    refuse(
      'weights-missing',
      `has neither model.safetensors nor model.safetensors.index.json; it holds ${names.slice(0, 6).join(', ')}`,
      'Download the model again with its weights, or give the right folder.',
    );
  }
  if (!names.includes('config.json'))
    refuse('config-missing', 'has no config.json', 'Download config.json from the place that the weights came from.');
}

function singleFile(folder: string): Map<string, WeightLocation> {
  const file = realFile(folder, 'model.safetensors');
  return new Map([...readSafetensorsHeader(file).tensors].map(([name, info]) => [name, { ...info, file }]));
}

function shards(folder: string): Map<string, WeightLocation> {
  const indexPath = join(folder, 'model.safetensors.index.json');
  const wrong = (what: string): UserError =>
    new UserError({ code: 'index-invalid', message: `${indexPath}: ${what}.`, fix: 'Download the index file again.' });
  const { weight_map: map } = readJsonObject(indexPath, 'index-invalid');
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw wrong('it has no "weight_map" object');
  const entries = Object.entries(map).map(([name, shard]): [string, string] => {
    // A file of this folder and no other: an index must not lead elsewhere.
    if (typeof shard !== 'string' || /[\\/]|^\.\.?$|^$/.test(shard))
      throw wrong(`"${name}" has the impossible file ${JSON.stringify(shard)}`);
    return [name, shard];
  });
  const files = [...new Set(entries.map(([, shard]) => shard))].sort();
  if (files.length === 0) throw wrong('its "weight_map" is empty');
  const missing = files.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0)
    throw new UserError({
      code: 'shard-missing',
      message: `The model in ${folder} is incomplete: ${missing.length} of its ${files.length} weight files are missing: ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ', …' : ''}.`,
      fix: 'Download the missing files into this folder.',
    });
  const opened = new Map(
    files.map((name) => {
      const file = realFile(folder, name);
      return [name, { file, tensors: readSafetensorsHeader(file).tensors }];
    }),
  );
  return new Map(
    entries.map(([name, shard]) => {
      const { file, tensors } = opened.get(shard) ?? {};
      const info = tensors?.get(name);
      if (!info || file === undefined) throw wrong(`it places "${name}" in ${shard}, which has no such tensor`);
      return [name, { ...info, file }];
    }),
  );
}

function realFile(folder: string, name: string): string {
  const path = join(folder, name);
  if (!existsSync(path))
    throw new UserError({
      code: 'link-broken',
      message: `${path} is a link to a file that does not exist: the download did not finish, or the cache was cleaned.`,
      fix: 'Download the model again.',
    });
  return withFileProblems(path, 'read', () => realpathSync(path));
}
