// ONNX Runtime refuses weights outside the folder of a session, links included. So the proof is a session: a model in
// each layout says what PyTorch says.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { externalDataView, storedWeights } from '../../main/checkpoints/external-data.ts';
import { openModelFolder, type WeightLocation } from '../../main/checkpoints/model-folder.ts';
import { modelFor } from '../../main/engine/models/registry.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { goldenBatch, goldensFolder, readTensors } from '../support/goldens.ts';
import { computeLogits } from '../support/logits.ts';
import { userErrorOf } from '../support/user-error.ts';
import { hubCache } from './hub-cache-folder.ts';
import { safetensorsBytes, scratchFolder } from './scratch.ts';

const sharded = join(goldensFolder, 'llama-bf16-sharded');

/** The largest difference to PyTorch's logits of the base model, at real positions. */
async function logitsError(path: string): Promise<number> {
  const folder = openModelFolder(path);
  const { weights, weightsDir } = storedWeights(folder);
  const batch = goldenBatch(sharded);
  const logits = await computeLogits(
    await openRuntime({ device: 'cpu' }),
    { model: modelFor(folder.config), stored: weights, weightsDir },
    batch,
  );
  const expected = readTensors(join(sharded, 'expected.safetensors')).get('logits.base') ?? new Float32Array();
  const vocab = logits.length / (batch.batch * batch.seq);
  const lengths = Array.from({ length: batch.batch }, (_, row) => batch.visibleUntil[row * batch.seq] ?? 0);
  const real = lengths.flatMap((length, row) => {
    const start = row * batch.seq * vocab;
    return [...logits.subarray(start, start + length * vocab)];
  });
  expect(real).toHaveLength(expected.length);
  return Math.max(...real.map((value, i) => Math.abs(value - (expected[i] ?? NaN))));
}

// Two float32 implementations of logits around 1; a wrong offset makes them differ by over 0.1.
const tolerance = 1e-4;

test('weights of a plain folder are read in place', async () => {
  expect(storedWeights(openModelFolder(sharded)).weightsDir).toBe(sharded);
  expect(await logitsError(sharded)).toBeLessThan(tolerance);
});

test('weights of a Hugging Face cache are read from its blobs', async () => {
  const { snapshot, blobs } = hubCache(sharded, 'someone', 'llama');
  const view = externalDataView(openModelFolder(snapshot));
  expect(view.dir).toBe(blobs);
  expect(view.locationOf('lm_head.weight').location).toMatch(/^0123456789abcdef-\d$/);
  expect(await logitsError(snapshot)).toBeLessThan(tolerance);
});

test('weight files in several folders are read below the deepest that holds them all', async () => {
  const { repository, snapshot } = hubCache(sharded, 'someone', 'llama', ['store/a', 'store/a-b/c']);
  const { dir, locationOf } = externalDataView(openModelFolder(snapshot));
  const places = [locationOf('lm_head.weight'), locationOf('model.embed_tokens.weight')].map(
    ({ location }) => location,
  );
  expect(dir).toBe(join(repository, 'store'));
  expect(places.map((place) => place.replace(/\/[^/]*$/, '')).sort()).toEqual(['a', 'a-b/c']);
  expect(await logitsError(snapshot)).toBeLessThan(tolerance);
});

test('a folder below another one that is spelled like its beginning is not mistaken for its child', () => {
  const bytes = (name: string) => safetensorsBytes({ [name]: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, 4);
  const folder = scratchFolder({ 'one/a.safetensors': bytes('a'), 'one-more/b.safetensors': bytes('b') });
  const weight = (name: string, file: string): [string, WeightLocation] => [
    name,
    { name, dtype: 'F32', shape: [1], byteOffset: 64, byteLength: 4, file: join(folder, file) },
  ];
  const model = { path: folder, config: {}, tokenizerFiles: [] };
  const weights = new Map([weight('a', 'one/a.safetensors'), weight('b', 'one-more/b.safetensors')]);
  const { dir, locationOf } = externalDataView({ ...model, weights });
  expect(dir).toBe(folder);
  expect(locationOf('b')).toEqual({ location: 'one-more/b.safetensors', offset: 64, length: 4 });
  expect(userErrorOf(() => locationOf('c')).code).toBe('tensor-missing');
});

test('a type that cannot be computed with is refused by name', () => {
  const header = { w: { dtype: 'F8_E4M3', shape: [4], data_offsets: [0, 4] } };
  const folder = scratchFolder({ 'config.json': '{}', 'model.safetensors': safetensorsBytes(header, 4) });
  const error = userErrorOf(() => storedWeights(openModelFolder(folder)));
  expect(error.code).toBe('unsupported-dtype');
  expect(error.message).toContain('"w"');
  expect(error.message).toContain('F8_E4M3');
});
