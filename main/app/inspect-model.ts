// What a model is and whether it can be trained, from its config and the headers of its weights: no weight is read.
import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { ModelFacts } from '../../preload/contract.ts';
import { readAdapterConfig } from '../checkpoints/adapter-config.ts';
import { frontMatter } from '../checkpoints/front-matter.ts';
import { hubModelNamed, hubOrigin, looksLikeHubId, snapshotOf } from '../checkpoints/hub-cache.ts';
import { readJsonObject } from '../checkpoints/json-file.ts';
import { ggufAt } from '../checkpoints/gguf/ready-model.ts';
import { modelOutline } from '../checkpoints/model-outline.ts';
import { openModelFolder, type WeightLocation } from '../checkpoints/model-folder.ts';
import { refuseQuantised } from '../checkpoints/quantised.ts';
import { templateOf } from '../data/tokenizer-files.ts';
import { languageConfig, modelFor } from '../engine/models/registry.ts';
import { UserError } from '../errors.ts';
import { cachedModel } from '../hub/cache.ts';
import { licenceOf } from '../hub/repository.ts';
import { loadModel } from '../training/load-model.ts';
import type { App } from './app.ts';
import { foldersToAsk } from './chain-runs.ts';

/**
 * The facts of a model folder, an adapter folder, a repository of the Hugging Face cache or run:NAME. What is wrong with
 * its files is among them. Throws UserError only for runs ("run-not-found" …).
 */
export function inspectModel(app: App, path: string): ModelFacts {
  if (path.startsWith('run:')) return factsOfRun(app, path);
  const folder = resolve(path);
  const onHub = hubModelNamed(path);
  const cached = onHub && cachedModel(app.hub.cache, onHub.id, onHub.file);
  const place = existsSync(folder) ? folder : (cached ?? path);
  if (existsSync(join(place, 'adapter_config.json')) && !holdsWeights(place)) return factsOfAdapter(app, place);
  return factsOfFolder(place);
}

const holdsWeights = (folder: string): boolean =>
  existsSync(join(folder, 'model.safetensors')) || existsSync(join(folder, 'model.safetensors.index.json'));

/** The base model's facts, under the reference that merges the run's adapter into it. */
function factsOfRun(app: App, reference: string): ModelFacts {
  const { model, adapter } = foldersToAsk(app, { model: reference });
  const facts = factsOfFolder(model);
  const { r: rank = 0 } = adapter === undefined ? {} : readAdapterConfig(join(adapter, 'adapter_config.json'));
  return {
    ...facts,
    reference,
    name: reference.slice('run:'.length),
    adapter: { reference: adapter ?? reference, base: facts.name, rank },
  };
}

function factsOfAdapter(app: App, folder: string): ModelFacts {
  try {
    const { base_model_name_or_path: base, r: rank } = readAdapterConfig(join(folder, 'adapter_config.json'));
    const adapter = { reference: folder, base, rank };
    const facts = base === null ? undefined : inspectModel(app, base.startsWith('run:') ? resolve(base) : base);
    if (facts && facts.problem?.code !== 'model-not-local' && facts.problem?.code !== 'model-not-found')
      return { ...facts, name: basename(folder), adapter };
    return {
      ...unknown(folder),
      reference: '',
      adapter,
      problem: {
        code: 'adapter-base-missing',
        message: `This is an adapter for ${base ?? 'a model that it does not name'}, which is not on this machine.`,
        fix:
          base !== null && looksLikeHubId(base)
            ? 'Download that model from the Hub first, then choose the adapter again.'
            : 'Put the model back where the adapter_config.json says, or write its new place into it.',
      },
    };
  } catch (error) {
    return { ...unknown(folder), problem: problemOf(error) };
  }
}

/** Facts that a config.json alone tells: of a folder that is broken otherwise, and of a model on the Hub. */
export function factsOfConfig(
  wholeConfig: Record<string, unknown>,
  id?: string,
): Pick<ModelFacts, 'modelType' | 'contextLength' | 'vocabSize' | 'layers' | 'hiddenSize' | 'problem'> {
  const config = languageConfig(wholeConfig) ?? wholeConfig;
  const number = (key: string): number | null => (typeof config[key] === 'number' ? config[key] : null);
  return {
    modelType: typeof config.model_type === 'string' ? config.model_type : null,
    contextLength: number('max_position_embeddings'),
    vocabSize: number('vocab_size'),
    layers: number('num_hidden_layers'),
    hiddenSize: number('hidden_size'),
    problem: problemIn(() => {
      refuseQuantised(wholeConfig, { id });
      modelFor(wholeConfig);
    }),
  };
}

/** Of a GGUF file, or of a folder of one: what it will be as a model folder. */
function factsOfGguf(path: string): ModelFacts | undefined {
  let facts = unknown(path);
  try {
    const file = ggufAt(path);
    if (file === undefined) return undefined;
    facts = { ...unknown(file), origin: hubOrigin(file) ?? null };
    const { config, weights, from } = modelOutline(file);
    if (!('gguf' in from)) throw new Error('a GGUF file is outlined as one');
    const { metadata, tokenizer, type } = from.gguf;
    return {
      ...facts,
      ...factsOfConfig(config),
      ...factsOfWeights(weights),
      gguf: type,
      hasChatTemplate: tokenizer.chatTemplate !== undefined,
      licence: metadata.text('general.license.name') ?? metadata.text('general.license') ?? null,
    };
  } catch (error) {
    return { ...facts, problem: problemOf(error) };
  }
}

function factsOfFolder(path: string): ModelFacts {
  const ofGguf = factsOfGguf(path);
  if (ofGguf) return ofGguf;
  const folder = existsSync(path) && statSync(path).isDirectory() ? snapshotOf(path) : path;
  const facts = unknown(folder);
  const origin = hubOrigin(folder) ?? null;
  const name = origin?.id ?? facts.name;
  const config = configIn(folder);
  const known =
    config === undefined ? facts : { ...facts, ...factsOfConfig(config, name), ...factsBeside(folder, config) };
  try {
    const { weights } = openModelFolder(folder);
    // Weights that contradict the config, tensors that are missing: what a run would find first.
    const problem = known.problem ?? problemIn(() => loadModel(folder)) ?? tokenizerProblem(folder);
    return { ...known, ...factsOfWeights(weights), name, origin, problem };
  } catch (error) {
    return { ...known, name, origin, problem: problemOf(error) };
  }
}

function factsOfWeights(
  weights: ReadonlyMap<string, Pick<WeightLocation, 'dtype' | 'shape' | 'byteLength'>>,
): Pick<ModelFacts, 'parameters' | 'bytes' | 'dtype'> {
  const bytesOf = new Map<string, number>();
  let [parameters, bytes] = [0, 0];
  for (const { dtype, shape, byteLength } of weights.values()) {
    parameters += shape.reduce((product, size) => product * size, 1);
    bytes += byteLength;
    bytesOf.set(dtype, (bytesOf.get(dtype) ?? 0) + byteLength);
  }
  const [most] = [...bytesOf].sort(([, a], [, b]) => b - a);
  return { parameters, bytes, dtype: most?.[0] ?? null };
}

function factsBeside(folder: string, config: Record<string, unknown>): Pick<ModelFacts, 'hasChatTemplate' | 'licence'> {
  return {
    hasChatTemplate: hasChatTemplate(folder),
    licence: licenceOf(frontMatter(folder)) ?? (typeof config.license === 'string' ? config.license : null),
  };
}

function hasChatTemplate(folder: string): boolean | null {
  try {
    const path = join(folder, 'tokenizer_config.json');
    const config = existsSync(path) ? readJsonObject(path, 'tokenizer-invalid') : {};
    return templateOf({ folder, config }) !== undefined;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

function tokenizerProblem(folder: string): ModelFacts['problem'] {
  if (existsSync(join(folder, 'tokenizer.json'))) return null;
  const old = existsSync(join(folder, 'tokenizer.model'));
  return {
    code: 'tokenizer-missing',
    message: `It has no tokenizer.json${old ? ', only the older tokenizer.model' : ''}.`,
    fix: 'Take tokenizer.json from another upload of the model, or save the model again with a recent transformers.',
  };
}

function configIn(folder: string): Record<string, unknown> | undefined {
  try {
    return existsSync(join(folder, 'config.json'))
      ? readJsonObject(join(folder, 'config.json'), 'config-invalid')
      : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined; // openModelFolder says why
    throw error;
  }
}

function unknown(folder: string): ModelFacts {
  return {
    reference: folder,
    name: basename(folder),
    modelType: null,
    problem: null,
    parameters: null,
    bytes: null,
    dtype: null,
    contextLength: null,
    vocabSize: null,
    layers: null,
    hiddenSize: null,
    hasChatTemplate: null,
    licence: null,
    gguf: null,
    origin: null,
    folder,
    adapter: null,
  };
}

function problemIn(work: () => unknown): ModelFacts['problem'] {
  try {
    work();
    return null;
  } catch (error) {
    return problemOf(error);
  }
}

function problemOf(error: unknown): NonNullable<ModelFacts['problem']> {
  if (error instanceof UserError) return error.toDetails();
  throw error;
}
