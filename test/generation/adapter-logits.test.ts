// The decoder under an adapter against PEFT: the logits after a prompt, read at once and token by token.
import { describe, expect, test } from 'vitest';
import { modelFor } from '../../main/engine/models/registry.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { readFloat32, type RuntimeTensor } from '../../main/engine/runtime/runtime.ts';
import { adapterInputs } from '../../main/generation/adapter-inputs.ts';
import { buildDecoder, cacheName, decoderInputs, logitsOutput } from '../../main/generation/build-decoder.ts';
import { adapterOn, peftKey } from '../../main/training/lora-start.ts';
import {
  type GoldenBatch,
  goldensFolder,
  readJson,
  readTensors,
  relativeError,
  storedWeights,
} from '../support/goldens.ts';

const runtime = await openRuntime({ device: 'cpu' });

async function open(name: string) {
  const folder = `${goldensFolder}/${name}`;
  const model = modelFor(readJson(`${folder}/config.json`) as Record<string, unknown>);
  const { settings } = adapterOn(model, `${folder}/adapter`);
  const stored = storedWeights(folder);
  const { graph, parameters } = buildDecoder(model, stored, settings, 64);
  const session = await runtime.createSession(graph, { weightsDir: folder, memory: 'fast' });
  const tensors = readTensors(`${folder}/adapter/adapter_model.safetensors`);
  const valueOf = (parameter: string): Float32Array => tensors.get(peftKey(parameter)) ?? new Float32Array();
  const inputs = await adapterInputs(runtime, { parameters, settings, valueOf, stored, weightsDir: folder });
  const { input_ids, lengths } = readJson(`${folder}/batch.json`) as GoldenBatch;
  const ids = input_ids[0]?.slice(0, lengths[0]) ?? [];
  /** Logits after the last of `ids`, read in parts that begin at these positions. */
  const logits = async (adapter: ReadonlyMap<string, RuntimeTensor>, starts: number[]): Promise<Float32Array> => {
    const shape = [1, model.kvHeads, 0, model.headDim];
    const names = Array.from({ length: model.layers }, (_, i) => [cacheName('keys', i), cacheName('values', i)]).flat();
    const empty = names.map(({ after }) => [after, runtime.tensor('float32', shape, new Float32Array())] as const);
    let outputs: ReadonlyMap<string, RuntimeTensor> = new Map(empty);
    for (const [i, start] of starts.entries()) {
      const end = starts[i + 1] ?? ids.length;
      const seq = end - start;
      const count = (length: number, from = 0): Int32Array => Int32Array.from({ length }, (_, i) => from + i);
      const feeds = new Map<string, RuntimeTensor>([
        [decoderInputs.inputIds, runtime.tensor('int32', [1, seq], Int32Array.from(ids.slice(start, end)))],
        [decoderInputs.positionIds, runtime.tensor('int64', [seq, 1], count(seq, start))],
        [decoderInputs.queryIndex, runtime.tensor('int32', [seq], count(seq, start))],
        [decoderInputs.keyIndex, runtime.tensor('int32', [end], count(end))],
        [decoderInputs.visibleUntil, runtime.tensor('int32', [1, end], new Int32Array(end).fill(end))],
        [decoderInputs.lastRows, runtime.tensor('int32', [1], Int32Array.of(seq - 1))],
        ...adapter,
      ]);
      for (const { before, after } of names) {
        const cached = outputs.get(after);
        if (cached) feeds.set(before, cached);
      }
      outputs = await session.run(feeds);
    }
    return readFloat32(runtime, outputs.get(logitsOutput));
  };
  const expected = readTensors(`${folder}/expected.safetensors`);
  const expectedAfterLast = (key: string): number[] => {
    const end = ids.length * model.vocabSize;
    return [...(expected.get(key) ?? [])].slice(end - model.vocabSize, end);
  };
  return { inputs, logits, ids, expectedAfterLast, dispose: () => session.dispose() };
}

describe.each(['llama-mha-untied', 'llama-pattern', 'llama-dora', 'llama-dora-bias'])('%s', (name) => {
  test('with the adapter and without it', async () => {
    const { inputs, logits, ids, expectedAfterLast, dispose } = await open(name);
    for (const starts of [[0], [0, 4], ids.map((_, i) => i)]) {
      // float32 rounding through two or three layers
      const adapted = await logits(inputs.adapter, starts);
      expect(relativeError(adapted, expectedAfterLast('logits.lora'))).toBeLessThan(1e-5);
      const alone = await logits(inputs.noAdapter, starts);
      expect(relativeError(alone, expectedAfterLast('logits.base'))).toBeLessThan(1e-5);
    }
    await dispose();
  });
});
