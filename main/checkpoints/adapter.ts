// LoRA adapters on disk, in PEFT's format. What the tensors do to a model is the engine's.
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { patternValue } from '../engine/nn/lora-pattern.ts';
import { UserError } from '../errors.ts';
import { adapterConfigJson, type AdapterConfig, readAdapterConfig } from './adapter-config.ts';
import { canonicalAdapterKey, parseAdapterKey } from './adapter-keys.ts';
import { writeFolderAtomically } from './atomic.ts';
import { withFileProblems } from './file-problem.ts';
import { looksLikeHubId } from './hub-cache.ts';
import { adapterForWhole, namesPart, withoutPart } from './language-part.ts';
import type { ModelFolder } from './model-folder.ts';
import { readSafetensorsHeader, readTensorAsFloat32, writeSafetensors } from './safetensors.ts';
import { copyTokenizerFiles } from './tokenizer-files.ts';

export type { AdapterConfig } from './adapter-config.ts';

const configFile = 'adapter_config.json';
const weightsFile = 'adapter_model.safetensors';

export type AdapterTensor = { shape: readonly number[]; data: Float32Array };

export type Adapter = {
  config: AdapterConfig;
  /** By PEFT's key: A is [r, in], B is [out, r], with DoRA magnitudes [out]; r may differ by layer (rank_pattern). */
  tensors: Map<string, AdapterTensor>;
};

export type AdapterFolder = Adapter & {
  /** README.md, or it and what it shows: name -> content; see model-card.ts. */
  card: string | ReadonlyMap<string, string | Uint8Array>;
  /** The model whose tokenizer files are put beside the adapter. */
  tokenizerFrom?: Pick<ModelFolder, 'tokenizerFiles'>;
  /** Jinja source; becomes chat_template.jinja, which readers prefer to the tokenizer's own. */
  chatTemplate?: string | undefined;
};

/**
 * Writes a complete adapter folder, or nothing. In a folder that exists it replaces files of the same name and leaves
 * others alone: whether that is wanted is asked before a run starts.
 * @throws UserError "disk-full", "permission-denied" …
 */
export function writeAdapter(folder: string, adapter: AdapterFolder): void {
  writeFolderAtomically(folder, (aside) => {
    writeAdapterFiles(aside, adapter);
    const card = typeof adapter.card === 'string' ? new Map([['README.md', adapter.card]]) : adapter.card;
    for (const [name, content] of card) writeFileSync(join(aside, name), content);
    copyTokenizerFiles(adapter.tokenizerFrom?.tokenizerFiles ?? [], aside);
    if (adapter.chatTemplate !== undefined) writeFileSync(join(aside, 'chat_template.jinja'), adapter.chatTemplate);
  });
}

/** Just the two files that PEFT needs, in a folder that exists. */
export function writeAdapterFiles(folder: string, adapter: Adapter): void {
  const { config, tensors } = adapter.config.inWhole ? adapterForWhole(adapter.config, adapter.tensors) : adapter;
  checkLayers(
    [...tensors].map(([key, { shape }]) => ({ key, shape })),
    config,
    'the adapter to write',
  );
  writeFileSync(join(folder, configFile), adapterConfigJson(config));
  const list = [...tensors].map(([name, { shape, data }]) => ({ name, dtype: 'F32' as const, shape, data }));
  writeSafetensors(join(folder, weightsFile), list, { format: 'pt' });
}

/**
 * Reads an adapter of PEFT's or ours, F32, F16 or BF16. Keys come back as PEFT writes them today.
 * @throws UserError where it is no adapter, is damaged, or uses what we cannot honour
 */
export function readAdapter(path: string): Adapter {
  const folder = adapterFolder(path);
  const { target_modules: listed, ...config } = readAdapterConfig(join(folder, configFile));
  const file = join(folder, weightsFile);
  const found = [...readSafetensorsHeader(file).tensors.values()];
  const inWhole = found.some(({ name }) => namesPart(name));
  const infos = found.map((info) => ({
    key: withoutPart(canonicalAdapterKey(info.name)),
    shape: info.shape,
    info,
  }));
  if (inWhole) {
    config.rank_pattern = patternWithoutPart(config.rank_pattern);
    config.alpha_pattern = patternWithoutPart(config.alpha_pattern);
  }
  const modules = checkLayers(infos, config, file);
  return {
    config: {
      ...config,
      target_modules: listed?.map(withoutPart) ?? modules,
      ...(inWhole ? { inWhole } : {}),
    },
    tensors: new Map(infos.map(({ key, shape, info }) => [key, { shape, data: readTensorAsFloat32(file, info) }])),
  };
}

function patternWithoutPart(pattern: AdapterConfig['rank_pattern'] = {}): NonNullable<AdapterConfig['rank_pattern']> {
  return Object.fromEntries(Object.entries(pattern).map(([key, value]) => [withoutPart(key), value]));
}

type Ranks = Pick<AdapterConfig, 'r' | 'rank_pattern' | 'use_dora'>;

/**
 * That every tensor is an A or a B of its layer's rank, or DoRA's magnitudes, and that no part of a layer is missing.
 * Returns the names of the layers.
 */
function checkLayers(
  tensors: readonly { key: string; shape: readonly number[] }[],
  { r, rank_pattern: rankPattern = {}, use_dora: useDora = false }: Ranks,
  where: string,
): string[] {
  const refuse = (code: string, what: string, fix: string): never => {
    throw new UserError({ code, message: `${where}: ${what}.`, fix });
  };
  const saveAnew = 'Save the adapter anew with PEFT, or use another one.';
  const layers = new Map<string, Map<AdapterPart, readonly number[]>>();
  for (const { key, shape } of tensors) {
    const parsed = parseAdapterKey(key);
    if (!parsed)
      return refuse(
        'adapter-unsupported',
        `"${key}" is no LoRA tensor of a linear layer (these are named base_model.model.<layer>.lora_A.weight, .lora_B.weight and .lora_magnitude_vector)`,
        'Use an adapter of plain LoRA or DoRA on linear layers: no trained embeddings, no modules_to_save.',
      );
    const { module, part } = parsed;
    const rank = patternValue(rankPattern, module) ?? r;
    const isRight =
      part === 'magnitude' ? shape.length === 1 : shape.length === 2 && shape[part === 'A' ? 0 : 1] === rank;
    if (!isRight)
      refuse(
        'adapter-shape',
        part === 'magnitude'
          ? `"${key}" is [${shape.join(', ')}], expected [out]`
          : `"${key}" is [${shape.join(', ')}], but r: ${rank} in ${configFile} wants ${part === 'A' ? `[${rank}, in]` : `[out, ${rank}]`}`,
        'The two files do not belong together: take both from the same adapter.',
      );
    const parts = layers.get(module) ?? new Map<AdapterPart, readonly number[]>();
    if (parts.has(part)) refuse('adapter-unsupported', `it has two tensors for "${key}"`, saveAnew);
    layers.set(module, parts.set(part, shape));
  }
  if (layers.size === 0) refuse('adapter-empty', 'it holds no tensors', saveAnew);
  const expected: AdapterPart[] = useDora ? ['A', 'B', 'magnitude'] : ['A', 'B'];
  for (const [module, parts] of layers) {
    const missing = expected.find((part) => !parts.has(part));
    if (missing !== undefined)
      refuse(
        'adapter-incomplete',
        `"${module}" has ${[...parts.keys()].map(partName).join(' and ')} without ${partName(missing)}`,
        saveAnew,
      );
    if (!useDora && parts.has('magnitude'))
      refuse(
        'adapter-contradiction',
        `"${module}" has ${partName('magnitude')}, but use_dora in ${configFile} is not true`,
        'Set use_dora to true if the adapter was trained with DoRA, or save the adapter anew.',
      );
  }
  return [...layers.keys()].sort();
}

type AdapterPart = 'A' | 'B' | 'magnitude';

function partName(part: AdapterPart): string {
  return part === 'magnitude' ? 'lora_magnitude_vector' : `lora_${part}`;
}

function adapterFolder(path: string): string {
  const folder = resolve(path);
  const refuse = (code: string, message: string, fix: string, more: { commandLine?: string } = {}): never => {
    throw new UserError({ code, message, fix, ...more });
  };
  if (!existsSync(folder)) {
    if (looksLikeHubId(path))
      refuse(
        'adapter-not-local',
        `There is no folder ${folder}. "${path}" looks like an adapter on the Hugging Face Hub; this version reads adapters from a folder on this machine.`,
        'Download it first, and give the folder that it is in.',
        {
          commandLine: `Download it first (hf download ${path} --local-dir adapters/${path.slice(path.indexOf('/') + 1)}) and give that folder.`,
        },
      );
    refuse(
      'adapter-not-found',
      `The adapter folder ${folder} does not exist.`,
      `Give a folder with ${configFile} and ${weightsFile}.`,
    );
  }
  if (!withFileProblems(folder, 'read', () => statSync(folder)).isDirectory())
    refuse(
      'adapter-not-a-folder',
      `${folder} is a file; an adapter is a folder with ${configFile} and ${weightsFile}.`,
      'Give the folder that holds it.',
    );
  const names = withFileProblems(folder, 'read', () => readdirSync(folder));
  if (!names.includes(configFile))
    refuse(
      'adapter-config-missing',
      `${folder} has no ${configFile}${names.includes('config.json') ? '; it seems to be a whole model' : ''}.`,
      names.includes('config.json')
        ? 'Give it as model_name_or_path instead.'
        : 'Give the folder that PEFT or Lorelei saved the adapter in.',
    );
  if (!names.includes(weightsFile)) {
    if (names.includes('adapter_model.bin'))
      refuse(
        'adapter-pytorch',
        `${folder} has its tensors only in PyTorch's format (adapter_model.bin).`,
        'Convert it once with Python, in that folder: import torch; from safetensors.torch import save_file; ' +
          'save_file(torch.load("adapter_model.bin", map_location="cpu", weights_only=True), "adapter_model.safetensors", {"format": "pt"})',
      );
    refuse('adapter-weights-missing', `${folder} has no ${weightsFile}.`, 'Copy or download that file too.');
  }
  return folder;
}
