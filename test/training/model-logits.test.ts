// Logits of small models of every family against PyTorch at every real position, with and without their adapter, plain, packed and
// sharing a prefix.
import { expect, test } from 'vitest';
import { modelFor } from '../../main/engine/models/registry.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { loadModel, weightReader } from '../../main/training/load-model.ts';
import { loraStart } from '../../main/training/lora-start.ts';
import {
  continuedAdapter,
  familyGoldens,
  goldenBatch,
  type GoldenBatch,
  goldensFolder,
  llamaGoldens,
  readJson,
  adapterTensors,
  readTensors,
  relativeError,
  storedWeights,
} from '../support/goldens.ts';
import { computeLogits } from '../support/logits.ts';

const runtime = await openRuntime({ device: 'cpu' });

test.each([...llamaGoldens, ...familyGoldens])('%s', async (name) => {
  const folder = `${goldensFolder}/${name}`;
  const model = modelFor(readJson(`${folder}/config.json`) as Record<string, unknown>);
  const { settings, frozenInputs, initialize } = loraStart(
    continuedAdapter(`${folder}/adapter`),
    model,
    weightReader(loadModel(folder)),
  );
  // No parameters: the tensors are read below, by a reader of the tests' own.
  initialize({ slots: [], size: 0 }, new Float32Array(0));
  const tensors = adapterTensors(folder);
  const adapter = { lora: settings, frozenInputs, tensors };
  const expected = readTensors(`${folder}/expected.safetensors`);
  const { lengths } = readJson(`${folder}/batch.json`) as GoldenBatch;
  const batch = goldenBatch(folder);
  const shared = { model, stored: storedWeights(folder), weightsDir: folder };
  const withoutPadding = (logits: Float32Array): number[] =>
    lengths.flatMap((length, row) => {
      const start = row * batch.seq * model.vocabSize;
      return [...logits.subarray(start, start + length * model.vocabSize)];
    });

  const base = withoutPadding(await computeLogits(runtime, shared, batch));
  const adapted = withoutPadding(await computeLogits(runtime, { ...shared, adapter }, batch));
  // float32 rounding through two or three layers is about 1e-6.
  expect(relativeError(base, expected.get('logits.base') ?? [])).toBeLessThan(1e-5);
  expect(relativeError(adapted, expected.get('logits.lora') ?? [])).toBeLessThan(1e-5);
  const effect = relativeError(adapted, base);
  if (name === 'llama-zero-b') expect(effect).toBe(0);
  else expect(effect).toBeGreaterThan(1e-2);
});
