// How a LoRA begins and ends: the distributions PEFT draws from, PiSSA's start, DoRA's magnitudes, what is refused, and
// that the exported adapter computes what was trained, on the model as it is on disk.
import { describe, expect, test } from 'vitest';
import { writeAdapter } from '../../main/checkpoints/adapter.ts';
import { modelFor } from '../../main/engine/models/registry.ts';
import { frozenNames, layerLora, loraNames } from '../../main/engine/nn/lora.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { type FlatLayout, flatLayout, view } from '../../main/training/flat-parameters.ts';
import { loadModel, weightReader } from '../../main/training/load-model.ts';
import { type LoraRecipe, loraStart, type LoraStart } from '../../main/training/lora-start.ts';
import {
  continuedAdapter,
  goldenBatch,
  type GoldenBatch,
  goldensFolder,
  pissaGoldens,
  pissaStart,
  readJson,
  readShapedTensors,
  readTensors,
  relativeError,
  storedWeights,
} from '../support/goldens.ts';
import { computeLogits } from '../support/logits.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { userErrorOf } from '../support/user-error.ts';

const runtime = await openRuntime({ device: 'cpu' });
const scratch = tempFolder();
const plain = { lora_r: 4, lora_alpha: 8, lora_dropout: 0, use_rslora: false, seed: 1 };

function open(folder: string, recipe: Partial<LoraRecipe>) {
  const model = modelFor(readJson(`${folder}/config.json`) as Record<string, unknown>);
  const readWeight = weightReader(loadModel(folder));
  const lora = loraStart({ ...plain, ...recipe }, model, readWeight);
  const layout = layoutOf(lora, model.weightShapes);
  const parameters = new Float32Array(layout.size);
  const part = (name: string): Float32Array => {
    const slot = layout.slots.find((slot) => slot.name === name);
    if (!slot) throw new Error(name);
    return view(parameters, slot);
  };
  return { model, readWeight, lora, layout, parameters, part };
}

/** The parameters that a graph with this LoRA has. */
function layoutOf({ settings }: LoraStart, shapes: ReadonlyMap<string, readonly number[]>): FlatLayout {
  const specs = [...settings.targets].flatMap((layer) => {
    const [out = 0, width = 0] = shapes.get(`${layer}.weight`) ?? [];
    const { rank } = layerLora(settings, layer);
    const names = loraNames(layer);
    const magnitude = settings.useDora ? [{ name: names.magnitude, shape: [out] }] : [];
    return [{ name: names.a, shape: [rank, width] }, { name: names.b, shape: [out, rank] }, ...magnitude];
  });
  return flatLayout(specs, () => true);
}

/** Logits at the real positions of a golden's batch. */
async function logitsOf(folder: string, lora: LoraStart, tensors: ReadonlyMap<string, { data: Float32Array }>) {
  const model = modelFor(readJson(`${folder}/config.json`) as Record<string, unknown>);
  const adapter = {
    lora: lora.settings,
    frozenInputs: lora.frozenInputs,
    tensors: new Map([...tensors].map(([key, { data }]) => [key, data])),
  };
  const batch = goldenBatch(folder);
  const shared = { model, stored: storedWeights(folder), weightsDir: folder, adapter };
  const logits = await computeLogits(runtime, shared, batch);
  const { lengths } = readJson(`${folder}/batch.json`) as GoldenBatch;
  return lengths.flatMap((length, row) => {
    const start = row * batch.seq * model.vocabSize;
    return [...logits.subarray(start, start + length * model.vocabSize)];
  });
}

const small = `${goldensFolder}/llama-gqa-tied`;
const layer = 'model.layers.0.self_attn.q_proj';

const mean = (values: Float32Array): number => values.reduce((sum, x) => sum + x, 0) / values.length;
const deviation = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length - mean(values) ** 2);

describe('A as PEFT draws it, B zero', () => {
  test.each([
    // nn.Linear's own: kaiming_uniform(a = sqrt 5) is U(+-1 / sqrt in), whose deviation is the bound over sqrt 3
    { init: true, rank: 64, expected: 1 / Math.sqrt(32) / Math.sqrt(3) },
    { init: 'gaussian', rank: 64, expected: 1 / 64 },
    { init: 'gaussian', rank: 16, expected: 1 / 16 },
  ])('init_lora_weights $init, r $rank', ({ init, rank, expected }) => {
    const { lora, layout, parameters, part } = open(small, {
      init_lora_weights: init,
      rank_pattern: { q_proj: rank },
      lora_target_modules: ['q_proj', 'up_proj'],
    });
    lora.initialize(layout, parameters);
    const values = part(loraNames(layer).a);
    expect(values).toHaveLength(rank * 32);
    // 512 draws or more: the deviation of a sample is within 3.2 % of the true one, three times that is 10 %.
    expect(Math.abs(deviation(values) / expected - 1)).toBeLessThan(0.1);
    expect(Math.abs(mean(values)) / expected).toBeLessThan(4 / Math.sqrt(values.length));
    if (init === true) expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(32));
    else expect(Math.max(...values.map(Math.abs)) / expected).toBeGreaterThan(2); // no uniform has such tails
    expect(part(loraNames(layer).b).every((x) => x === 0)).toBe(true);
    expect(lora.adapter(layout, parameters).config.init_lora_weights ?? true).toBe(init);
  });

  test('a seed decides it', () => {
    const draws = [1, 1, 2].map((seed) => {
      const { lora, layout, parameters, part } = open(small, { init_lora_weights: 'gaussian', seed });
      lora.initialize(layout, parameters);
      return part(loraNames(layer).a);
    });
    expect(draws[0]).toEqual(draws[1]);
    expect(draws[0]).not.toEqual(draws[2]);
  });
});

test('magnitudes begin as the norms of the rows', () => {
  const { lora, layout, parameters, part, readWeight } = open(`${goldensFolder}/llama-bf16-sharded`, {
    use_dora: true,
  });
  lora.initialize(layout, parameters);
  const weight = readWeight(`${layer}.weight`);
  const norms = Array.from({ length: weight.length / 32 }, (_, row) =>
    Math.hypot(...weight.subarray(row * 32, (row + 1) * 32)),
  );
  expect(relativeError(part(loraNames(layer).magnitude), norms)).toBeLessThan(1e-7);
  expect(relativeError(part(loraNames(layer).magnitude).map((x) => x * x), lora.frozenInputs.get(frozenNames(layer).rowSquares)?.data ?? [])).toBeLessThan(1e-6); // prettier-ignore
});

describe.each(pissaGoldens)('%s', (name) => {
  const folder = `${goldensFolder}/${name}`;
  const { recipe, tensors: start } = pissaStart(folder);

  test('starts with the product that PEFT starts with, and as the model is', async () => {
    const { lora, layout, parameters, part } = open(folder, recipe);
    lora.initialize(layout, parameters);
    const peft = readShapedTensors(`${folder}/adapter/adapter_model.safetensors`);
    for (const layer of lora.settings.targets) {
      const names = loraNames(layer);
      const { rank } = layerLora(lora.settings, layer);
      const theirs = product(
        peft.get(`base_model.model.${names.a}`)?.data,
        peft.get(`base_model.model.${names.b}`)?.data,
        rank,
      );
      // PEFT's is a float32 SVD.
      expect(relativeError(product(part(names.a), part(names.b), rank), theirs), layer).toBeLessThan(1e-5);
    }
    const trained = layout.slots.map((slot) => [`base_model.model.${slot.name}`, { data: part(slot.name) }] as const);
    const expected = readTensors(`${folder}/expected.safetensors`);
    const logits = await logitsOf(folder, lora, new Map(trained));
    expect(relativeError(logits, expected.get('logits.base') ?? [])).toBeLessThan(1e-5);
  });

  test('pissa_niter_N comes close to it', () => {
    const { lora, layout, parameters, part } = open(folder, { ...recipe, init_lora_weights: 'pissa_niter_16' });
    lora.initialize(layout, parameters);
    const peft = readShapedTensors(`${folder}/adapter/adapter_model.safetensors`);
    const names = loraNames(layer);
    const { rank } = layerLora(lora.settings, layer);
    const theirs = product(
      peft.get(`base_model.model.${names.a}`)?.data,
      peft.get(`base_model.model.${names.b}`)?.data,
      rank,
    );
    // As much of the weight as the best of its rank, to the share that singular values lying close together leave open.
    const size = (values: Float64Array): number => Math.hypot(...values);
    expect(size(product(part(names.a), part(names.b), rank)) / size(theirs)).toBeGreaterThan(0.98);
  });

  test('what PEFT trained is exported as an adapter of twice the rank on the unchanged model', async () => {
    const { lora, layout, parameters, part, model, readWeight } = open(folder, recipe);
    expect(lora.restore(layout, parameters, start)).toBe(true);
    const expected = readTensors(`${folder}/expected.safetensors`);
    for (const slot of layout.slots) part(slot.name).set(expected.get(`final.base_model.model.${slot.name}`) ?? []);
    const { config, tensors } = lora.adapter(layout, parameters);
    expect(config).toMatchObject({ r: 8, use_dora: recipe.use_dora });
    const path = `${scratch.path}/${name}`;
    const named = { ...config, base_model_name_or_path: null };
    writeAdapter(path, { config: named, tensors: new Map(tensors), card: '' });
    const exported = loraStart(continuedAdapter(path), model, readWeight);
    exported.initialize({ slots: [], size: 0 }, new Float32Array(0));
    for (const layer of lora.settings.targets)
      expect(layerLora(exported.settings, layer).scale).toBeCloseTo(layerLora(lora.settings, layer).scale, 12);
    const logits = await logitsOf(folder, exported, tensors);
    expect(relativeError(logits, expected.get('final.logits') ?? [])).toBeLessThan(1e-5);
  });

  test('leaves and comes back bit for bit', () => {
    const first = open(folder, recipe);
    first.lora.initialize(first.layout, first.parameters);
    first.parameters.forEach((x, i) => (first.parameters[i] = x * Math.sin(i)));
    const second = open(folder, recipe);
    const { tensors } = first.lora.adapter(first.layout, first.parameters);
    expect(second.lora.restore(second.layout, second.parameters, tensors)).toBe(true);
    expect(second.parameters).toEqual(first.parameters);
    expect(second.lora.frozenInputs).toEqual(first.lora.frozenInputs);
  });
});

test('the tensors of another LoRA are not taken', () => {
  const { lora, layout, parameters } = open(small, {});
  const { tensors } = lora.adapter(layout, parameters);
  for (const other of [
    { lora_r: 8 },
    { use_dora: true },
    { init_lora_weights: 'pissa' },
    { lora_r: 2, init_lora_weights: 'pissa', lora_target_modules: ['q_proj'] },
  ]) {
    const second = open(small, other);
    const taken = second.lora.restore(second.layout, second.parameters, tensors);
    // Rank 2 beside its start has the shapes of rank 4; nothing but a recipe can tell them apart.
    expect(taken, JSON.stringify(other)).toBe('lora_r' in other && other.lora_r === 2);
  }
});

describe('refuses', () => {
  test.each<[Partial<LoraRecipe>, code: string, words: string]>([
    [{ init_lora_weights: 'olora' }, 'lora-init-unknown', 'init_lora_weights: olora'],
    [{ init_lora_weights: false }, 'lora-init-unknown', 'false'],
    [{ rank_pattern: { c_attn: 4 } }, 'lora-pattern-unknown', 'rank_pattern: "c_attn"'],
    [{ alpha_pattern: { up_proj: 4 } }, 'lora-pattern-unknown', 'alpha_pattern: "up_proj"'], // q and v are adapted
    [{ alpha_pattern: { '*': 4 } }, 'lora-pattern-invalid', '"*"'],
  ])('%j', (recipe, code, words) => {
    const error = userErrorOf(() => open(small, recipe));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });

  test('a PiSSA of more ranks than a weight has', () => {
    const { lora, layout, parameters } = open(small, { init_lora_weights: 'pissa', lora_r: 20 });
    const error = userErrorOf(() => {
      lora.initialize(layout, parameters);
    });
    expect(error.code).toBe('pissa-rank-too-large');
    expect(error.message).toContain('v_proj.weight is [16, 32] and has 16 singular values');
  });

  test('DoRA on a row of zeros', () => {
    const { model, readWeight } = open(small, {});
    const withZeros = (name: string): Float32Array => readWeight(name).fill(0, 32, 64);
    const lora = loraStart({ ...plain, use_dora: true }, model, withZeros);
    const layout = layoutOf(lora, model.weightShapes);
    const error = userErrorOf(() => {
      lora.initialize(layout, new Float32Array(layout.size));
    });
    expect(error.message).toContain('row 1 of model.layers.0.self_attn.q_proj.weight is all 0');
  });
});

/** B A */
function product(
  a: Float32Array = new Float32Array(),
  b: Float32Array = new Float32Array(),
  rank: number,
): Float64Array {
  const [width, out] = [a.length / rank, b.length / rank];
  return Float64Array.from({ length: out * width }, (_, at) => {
    const [row, column] = [Math.floor(at / width), at % width];
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += (b[row * rank + k] ?? 0) * (a[k * width + column] ?? 0);
    return sum;
  });
}
