// Merged weights: the model they make says what PEFT's unmerged adapter says, and one layer by hand.
import { copyFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readAdapter } from '../../main/checkpoints/adapter.ts';
import { adapterKeys } from '../../main/checkpoints/adapter-keys.ts';
import { mergeLayer } from '../../main/checkpoints/merge-weights.ts';
import { writeSafetensors } from '../../main/checkpoints/safetensors.ts';
import { modelFor } from '../../main/engine/models/registry.ts';
import { layerLora, loraTargets } from '../../main/engine/nn/lora.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { loadModel, weightReader } from '../../main/training/load-model.ts';
import {
  goldenBatch,
  type GoldenBatch,
  goldensFolder,
  readJson,
  readTensors,
  relativeError,
  storedWeights,
} from '../support/goldens.ts';
import { computeLogits } from '../support/logits.ts';
import { scratchFolder } from './scratch.ts';

const runtime = await openRuntime({ device: 'cpu' });

// LoRA, rsLoRA, patterns, DoRA, DoRA with rsLoRA, patterns and biases
test.each(['llama-gqa-tied', 'llama-mha-untied', 'llama-pattern', 'llama-dora', 'llama-dora-bias'])(
  '%s',
  async (name) => {
    const folder = `${goldensFolder}/${name}`;
    const model = modelFor(readJson(`${folder}/config.json`) as Record<string, unknown>);
    const readWeight = weightReader(loadModel(folder));
    const { config, tensors } = readAdapter(`${folder}/adapter`);
    const settings = {
      rank: config.r,
      alpha: config.lora_alpha,
      rankPattern: config.rank_pattern ?? {},
      alphaPattern: config.alpha_pattern ?? {},
      useRslora: config.use_rslora,
    };
    const targets = loraTargets(model.linears, config.target_modules);
    const merged = [...model.weightShapes].map(([weight, shape]) => {
      const data = readWeight(weight);
      const layer = weight.replace(/\.weight$/, '');
      if (!targets.has(layer)) return { name: weight, dtype: 'F32' as const, shape, data };
      const keys = adapterKeys(layer);
      const value = (key: string): Float32Array | undefined => tensors.get(key)?.data;
      const [a, b, magnitude] = [value(keys.a), value(keys.b), value(keys.magnitude)];
      if (!a || !b) throw new Error(layer);
      const branch = { a, b, ...layerLora(settings, layer), ...(magnitude ? { magnitude } : {}) };
      const [out = 0, width = 0] = shape;
      return { name: weight, dtype: 'F32' as const, shape, data: mergeLayer(data, [out, width], branch) };
    });
    const target = scratchFolder();
    copyFileSync(`${folder}/config.json`, `${target}/config.json`);
    writeSafetensors(`${target}/model.safetensors`, merged);

    const batch = goldenBatch(folder);
    const shared = { model, stored: storedWeights(target), weightsDir: target };
    const logits = await computeLogits(runtime, shared, batch);
    const { lengths } = readJson(`${folder}/batch.json`) as GoldenBatch;
    const real = lengths.flatMap((length, row) => {
      const start = row * batch.seq * model.vocabSize;
      return [...logits.subarray(start, start + length * model.vocabSize)];
    });
    const expected = readTensors(`${folder}/expected.safetensors`).get('logits.lora') ?? [];
    expect(relativeError(real, expected)).toBeLessThan(1e-5); // float32 rounding through two or three layers
  },
);

test('one row by hand, and sizes that do not fit', () => {
  const weight = Float32Array.of(3, 0, 0, 1);
  const branch = { a: Float32Array.of(0, 1), b: Float32Array.of(2, 0), rank: 1, scale: 2 };
  expect([...mergeLayer(weight, [2, 2], branch)]).toEqual([3, 4, 0, 1]);
  const magnitude = Float32Array.of(10, 7);
  expect([...mergeLayer(weight, [2, 2], { ...branch, magnitude })]).toEqual([6, 8, 0, 7]);
  expect([...weight]).toEqual([3, 0, 0, 1]);
  expect(() => mergeLayer(weight, [2, 2], { ...branch, rank: 2 })).toThrow('of rank 2');
  expect(() => mergeLayer(weight, [2, 2], { ...branch, magnitude: Float32Array.of(1) })).toThrow('1 magnitudes');
});
