// A model ready to answer: one session, a KV cache per answer, tokens one by one.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FourBitHooks } from '../checkpoints/four-bit-model.ts';
import { readJsonObject } from '../checkpoints/json-file.ts';
import type { ModelFolder } from '../checkpoints/model-folder.ts';
import { streamDecoder } from '../data/stream-decoder.ts';
import { checkVocabulary, loadTokenizer, type TextTokenizer } from '../data/tokenizer.ts';
import type { Message } from '../data/types.ts';
import { openRuntime } from '../engine/runtime/onnxruntime-node.ts';
import { readFloat32, type Runtime, type RuntimeTensor, type Session } from '../engine/runtime/runtime.ts';
import { UserError } from '../errors.ts';
import type { ParameterSpec } from '../training/build-step.ts';
import { inFourBits, type RoundedBase } from '../training/four-bit.ts';
import { type LoadedModel, loadModel } from '../training/load-model.ts';
import { type AdapterOnModel, adapterOn, peftKey } from '../training/lora-start.ts';
import { adapterInputs } from './adapter-inputs.ts';
import { buildDecoder, cacheName, decoderInputs, logitsOutput } from './build-decoder.ts';
import { sampler, type SamplingSettings } from './sampler.ts';

export type GeneratorOptions = {
  modelPath: string;
  adapterPath?: string | undefined;
  /** Source of a chat template in place of the model's own. */
  chatTemplate?: string | undefined;
  /** "auto" or a device name. */
  device?: string | undefined;
  /** Answers with the base model rounded to four bits; unset: as it is stored. */
  rounded?: RoundedBase | undefined;
  /** How far the rounding is, where it is not done yet. */
  onRounding?: FourBitHooks['onProgress'];
  signal?: AbortSignal | undefined;
};

export type GeneratorParts = {
  loaded: LoadedModel;
  tokenizer: TextTokenizer;
  runtime: Runtime;
  adapter: AdapterOnModel | undefined;
  memory: 'fast' | 'lean';
};

export type GenerateOptions = SamplingSettings & {
  /** A text to continue, or a conversation to answer with the model's chat template. */
  prompt: string | Message[];
  maxNewTokens: number;
  /** Leaves the adapter out, to compare. */
  withoutAdapter?: boolean;
  /** Called for every token, also for those that give no text yet. */
  onToken?: (() => void) | undefined;
  signal?: AbortSignal | undefined;
};

/** How an answer ended: by an end token, or cut at maxNewTokens or where positions run out. */
export type Ending = 'end' | 'length';

export class Generator {
  readonly tokenizer: TextTokenizer;
  readonly #loaded: LoadedModel;
  readonly #runtime: Runtime;
  readonly #session: Session;
  readonly #parameters: readonly ParameterSpec[];
  readonly #cacheShape: readonly [kvHeads: number, headDim: number];
  readonly #stopIds: ReadonlySet<number>;
  #adapter: ReadonlyMap<string, RuntimeTensor> = new Map();
  #noAdapter: ReadonlyMap<string, RuntimeTensor> = new Map();

  /** Throws UserErrors of the model, the adapter and the tokenizer. */
  static async open(options: GeneratorOptions): Promise<Generator> {
    const { rounded, onRounding: onProgress, signal } = options;
    const loaded = await inFourBits(loadModel(options.modelPath), rounded, { onProgress, signal });
    const tokenizer = loadTokenizer(loaded.folder.path).with({ chatTemplate: options.chatTemplate });
    checkVocabulary(tokenizer, loaded.model.vocabSize, options.modelPath);
    const adapter = options.adapterPath === undefined ? undefined : adapterOn(loaded.model, options.adapterPath);
    const { device = 'auto' } = options;
    if (device !== 'auto' && device !== 'cpu')
      throw new UserError({
        code: 'device-unavailable',
        message: `Answers are made on the processor by this version, not on ${device}; runs train on it.`,
        fix: 'Use device: cpu, or name none.',
      });
    const runtime = await openRuntime({ device: 'cpu' });
    return Generator.around({ loaded, tokenizer, runtime, adapter, memory: rounded === undefined ? 'fast' : 'lean' });
  }

  /** A generator on what is open already. */
  static async around(parts: GeneratorParts): Promise<Generator> {
    const { loaded, runtime, adapter, memory } = parts;
    const { model, stored, weightsDir } = loaded;
    const { graph, parameters } = buildDecoder(model, stored, adapter?.settings, model.maxPositions);
    const session = await runtime.createSession(graph, { weightsDir, memory });
    const generator = new Generator(parts, session, parameters);
    if (adapter) await generator.useAdapter(adapter);
    return generator;
  }

  private constructor(
    { loaded, tokenizer, runtime }: GeneratorParts,
    session: Session,
    parameters: readonly ParameterSpec[],
  ) {
    const { model, folder } = loaded;
    this.tokenizer = tokenizer;
    this.#loaded = loaded;
    this.#runtime = runtime;
    this.#session = session;
    this.#parameters = parameters;
    this.#cacheShape = [model.kvHeads, model.headDim];
    this.#stopIds = stopIds(tokenizer, folder);
  }

  /** Answers from now on with these values; the adapter must be of the settings that the generator was opened with. */
  async useAdapter({ settings, tensors }: AdapterOnModel): Promise<void> {
    const { stored, weightsDir } = this.#loaded;
    const valueOf = (name: string): Float32Array => {
      const data = tensors.get(peftKey(name))?.data;
      if (!data) throw new Error(`the adapter has no ${name}`);
      return data;
    };
    const parts = { parameters: this.#parameters, settings, valueOf, stored, weightsDir };
    const inputs = await adapterInputs(this.#runtime, parts);
    this.#adapter = inputs.adapter;
    this.#noAdapter = inputs.noAdapter;
  }

  /** The text of the answer, piece by piece. Ends at an end token, after maxNewTokens, or where positions run out. */
  async *generate(options: GenerateOptions): AsyncGenerator<string, Ending> {
    const { prompt, maxNewTokens, signal } = options;
    const { tokenizer } = this;
    const ids =
      typeof prompt === 'string'
        ? tokenizer.encode(prompt)
        : tokenizer.encode(tokenizer.renderChat(prompt, { addGenerationPrompt: true }), { specialTokens: false });
    if (ids.length === 0 && tokenizer.bosId !== undefined) ids.push(tokenizer.bosId);
    if (ids.length === 0 || ids.length >= this.#loaded.model.maxPositions)
      throw new UserError({
        code: 'prompt-length',
        message: `The prompt has ${ids.length} tokens; the model takes 1 to ${this.#loaded.model.maxPositions - 1}.`,
        fix: ids.length === 0 ? 'Write something for the model to continue.' : 'Shorten the prompt.',
      });
    const choose = sampler(options);
    const decoder = streamDecoder(tokenizer, ids);
    let cache = this.#emptyCache();
    let past = 0;
    let fresh: readonly number[] = ids;
    const said: number[] = [];
    let ending: Ending = 'length';
    const last = Math.min(maxNewTokens, this.#loaded.model.maxPositions - ids.length);
    for (let count = 0; count < last; count++) {
      if (this.#needsAnew(past, fresh.length)) {
        cache = this.#emptyCache();
        [past, fresh] = [0, [...ids, ...said]];
      }
      const outputs = await this.#session.run(this.#inputs(fresh, past, cache, options.withoutAdapter), { signal });
      const id = choose(await readFloat32(this.#runtime, outputs.get(logitsOutput)));
      if (this.#stopIds.has(id)) {
        ending = 'end';
        break;
      }
      options.onToken?.();
      const text = decoder.push(id);
      if (text) yield text;
      past += fresh.length;
      cache = outputs;
      fresh = [id];
      said.push(id);
    }
    const rest = decoder.end();
    if (rest) yield rest;
    return ending;
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
  }

  /** The text grows to where RoPE's frequencies change: keys that were turned by the old ones are of no use. */
  #needsAnew(past: number, fresh: number): boolean {
    const { ropeSwitch = Infinity } = this.#loaded.model;
    return past > 0 && past <= ropeSwitch && past + fresh > ropeSwitch;
  }

  #inputs(
    ids: readonly number[],
    past: number,
    cache: ReadonlyMap<string, RuntimeTensor>,
    withoutAdapter = false,
  ): Map<string, RuntimeTensor> {
    const { tensor } = this.#runtime;
    const [seq, keys] = [ids.length, past + ids.length];
    const count = (length: number, from = 0): Int32Array => Int32Array.from({ length }, (_, i) => from + i);
    const inputs = new Map<string, RuntimeTensor>([
      [decoderInputs.inputIds, tensor('int32', [1, seq], Int32Array.from(ids))],
      [decoderInputs.positionIds, tensor('int64', [seq, 1], count(seq, past))],
      [decoderInputs.queryIndex, tensor('int32', [seq], count(seq, past))],
      [decoderInputs.keyIndex, tensor('int32', [keys], count(keys))],
      [decoderInputs.visibleUntil, tensor('int32', [1, keys], new Int32Array(keys).fill(keys))],
      [decoderInputs.lastRows, tensor('int32', [1], Int32Array.of(seq - 1))],
      ...(withoutAdapter ? this.#noAdapter : this.#adapter),
    ]);
    for (let layer = 0; layer < this.#loaded.model.layers; layer++) {
      for (const part of ['keys', 'values'] as const) {
        const names = cacheName(part, layer);
        const before = cache.get(names.after);
        if (!before) throw new Error(`the cache has no ${names.after}`);
        inputs.set(names.before, before);
      }
    }
    return inputs;
  }

  #emptyCache(): Map<string, RuntimeTensor> {
    const [kvHeads, headDim] = this.#cacheShape;
    const empty = this.#runtime.tensor('float32', [1, kvHeads, 0, headDim], new Float32Array(0));
    return new Map(
      Array.from({ length: this.#loaded.model.layers }, (_, layer) => [
        [cacheName('keys', layer).after, empty] as const,
        [cacheName('values', layer).after, empty] as const,
      ]).flat(),
    );
  }
}

/** The tokens that end an answer: those of generation_config.json, else config.json, and the tokenizer's end token. */
function stopIds(tokenizer: TextTokenizer, { path: folder, config }: ModelFolder): ReadonlySet<number> {
  const path = join(folder, 'generation_config.json');
  const { eos_token_id: listed } = existsSync(path) ? readJsonObject(path, 'generation-config-invalid') : config;
  const ids = (Array.isArray(listed) ? listed : [listed]).filter((id): id is number => typeof id === 'number');
  return new Set([...ids, ...(tokenizer.eosId === undefined ? [] : [tokenizer.eosId])]);
}
