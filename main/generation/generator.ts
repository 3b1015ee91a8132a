// A model ready to answer: one session, a KV cache per answer, tokens one by one.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonObject } from '../checkpoints/json-file.ts';
import { streamDecoder } from '../data/stream-decoder.ts';
import { checkVocabulary, loadTokenizer, type TextTokenizer } from '../data/tokenizer.ts';
import type { Message } from '../data/types.ts';
import { openRuntime } from '../engine/runtime/onnxruntime-node.ts';
import { readFloat32, type Runtime, type RuntimeTensor, type Session } from '../engine/runtime/runtime.ts';
import { UserError } from '../errors.ts';
import { loadModel } from '../training/load-model.ts';
import { adapterOn, peftKey } from '../training/lora-start.ts';
import { adapterInputs } from './adapter-inputs.ts';
import { buildDecoder, cacheName, decoderInputs, logitsOutput } from './build-decoder.ts';
import { sampler, type SamplingSettings } from './sampler.ts';

export type GeneratorOptions = {
  modelPath: string;
  adapterPath?: string | undefined;
  /** "auto" or a device name. */
  device?: string | undefined;
};

export type GenerateOptions = SamplingSettings & {
  /** A text to continue, or a conversation to answer with the model's chat template. */
  prompt: string | Message[];
  maxNewTokens: number;
  /** Leaves the adapter out, to compare. */
  withoutAdapter?: boolean;
  signal?: AbortSignal | undefined;
};

export class Generator {
  readonly tokenizer: TextTokenizer;
  readonly #runtime: Runtime;
  readonly #session: Session;
  readonly #layers: number;
  readonly #cacheShape: readonly [kvHeads: number, headDim: number];
  readonly #maxPositions: number;
  readonly #stopIds: ReadonlySet<number>;
  readonly #adapter: ReadonlyMap<string, RuntimeTensor>;
  readonly #noAdapter: ReadonlyMap<string, RuntimeTensor>;

  /** Throws UserErrors of the model, the adapter and the tokenizer. */
  static async open(options: GeneratorOptions): Promise<Generator> {
    const { folder, model, stored, weightsDir } = loadModel(options.modelPath);
    const tokenizer = loadTokenizer(folder.path);
    checkVocabulary(tokenizer, model.vocabSize, options.modelPath);
    const lora = options.adapterPath === undefined ? undefined : adapterOn(model, options.adapterPath);
    const runtime = await openRuntime({ device: options.device ?? 'auto' });
    const { graph, parameters } = buildDecoder(model, stored, lora?.settings, model.maxPositions);
    const session = await runtime.createSession(graph, { weightsDir, memory: 'fast' });
    const valueOf = (name: string): Float32Array => {
      const data = lora?.tensors.get(peftKey(name))?.data;
      if (!data) throw new Error(`the adapter has no ${name}`);
      return data;
    };
    const inputs =
      lora && (await adapterInputs(runtime, { parameters, settings: lora.settings, valueOf, stored, weightsDir }));
    return new Generator({
      tokenizer,
      runtime,
      session,
      layers: model.layers,
      cacheShape: [model.kvHeads, model.headDim],
      maxPositions: model.maxPositions,
      stopIds: stopIds(tokenizer, folder.path),
      adapter: inputs?.adapter ?? new Map<string, RuntimeTensor>(),
      noAdapter: inputs?.noAdapter ?? new Map<string, RuntimeTensor>(),
    });
  }

  private constructor(parts: {
    tokenizer: TextTokenizer;
    runtime: Runtime;
    session: Session;
    layers: number;
    cacheShape: readonly [number, number];
    maxPositions: number;
    stopIds: ReadonlySet<number>;
    adapter: ReadonlyMap<string, RuntimeTensor>;
    noAdapter: ReadonlyMap<string, RuntimeTensor>;
  }) {
    this.tokenizer = parts.tokenizer;
    this.#runtime = parts.runtime;
    this.#session = parts.session;
    this.#layers = parts.layers;
    this.#cacheShape = parts.cacheShape;
    this.#maxPositions = parts.maxPositions;
    this.#stopIds = parts.stopIds;
    this.#adapter = parts.adapter;
    this.#noAdapter = parts.noAdapter;
  }

  /** The text of the answer, piece by piece. Ends at an end token, after maxNewTokens, or where positions run out. */
  async *generate(options: GenerateOptions): AsyncGenerator<string, void> {
    const { prompt, maxNewTokens, signal } = options;
    const { tokenizer } = this;
    const ids =
      typeof prompt === 'string'
        ? tokenizer.encode(prompt)
        : tokenizer.encode(tokenizer.renderChat(prompt, { addGenerationPrompt: true }), { specialTokens: false });
    if (ids.length === 0 && tokenizer.bosId !== undefined) ids.push(tokenizer.bosId);
    if (ids.length === 0 || ids.length >= this.#maxPositions)
      throw new UserError({
        code: 'prompt-length',
        message: `The prompt has ${ids.length} tokens; the model takes 1 to ${this.#maxPositions - 1}.`,
        fix: ids.length === 0 ? 'Write something for the model to continue.' : 'Shorten the prompt.',
      });
    const choose = sampler(options);
    const decoder = streamDecoder(tokenizer, ids);
    let cache = this.#emptyCache();
    let past = 0;
    let fresh = ids;
    const last = Math.min(maxNewTokens, this.#maxPositions - ids.length);
    for (let count = 0; count < last; count++) {
      const outputs = await this.#session.run(this.#inputs(fresh, past, cache, options.withoutAdapter), undefined, {
        signal,
      });
      const id = choose(await readFloat32(this.#runtime, outputs.get(logitsOutput)));
      if (this.#stopIds.has(id)) break;
      const text = decoder.push(id);
      if (text) yield text;
      past += fresh.length;
      cache = outputs;
      fresh = [id];
    }
    const rest = decoder.end();
    if (rest) yield rest;
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
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
      [decoderInputs.positionIds, tensor('int64', [1, seq], count(seq, past))],
      [decoderInputs.queryIndex, tensor('int32', [seq], count(seq, past))],
      [decoderInputs.keyIndex, tensor('int32', [keys], count(keys))],
      [decoderInputs.visibleUntil, tensor('int32', [1, keys], new Int32Array(keys).fill(keys))],
      [decoderInputs.lastRows, tensor('int32', [1], Int32Array.of(seq - 1))],
      ...(withoutAdapter ? this.#noAdapter : this.#adapter),
    ]);
    for (let layer = 0; layer < this.#layers; layer++) {
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
      Array.from({ length: this.#layers }, (_, layer) => [
        [cacheName('keys', layer).after, empty] as const,
        [cacheName('values', layer).after, empty] as const,
      ]).flat(),
    );
  }
}

/** The tokens that end an answer: those of generation_config.json and the tokenizer's end token. */
function stopIds(tokenizer: TextTokenizer, folder: string): ReadonlySet<number> {
  const path = join(folder, 'generation_config.json');
  const listed = existsSync(path) ? readJsonObject(path, 'generation-config-invalid').eos_token_id : undefined;
  const ids = (Array.isArray(listed) ? listed : [listed]).filter((id): id is number => typeof id === 'number');
  return new Set([...ids, ...(tokenizer.eosId === undefined ? [] : [tokenizer.eosId])]);
}
