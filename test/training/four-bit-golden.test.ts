// Training on a base model in four bits against bitsandbytes, transformers and PEFT: loss, every gradient under the loss
// of fine-tuning and of DPO, and five steps, in the fast and the lean way of building the step.
import { describe, expect, test } from 'vitest';
import type { FourBitSettings } from '../../main/checkpoints/four-bit-model.ts';
import { pairInputs, dpoObjective } from '../../main/engine/losses/dpo-objective.ts';
import type { Objective } from '../../main/engine/losses/objective.ts';
import { sftObjective } from '../../main/engine/losses/sft.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import type { Tensor } from '../../main/engine/graph/tensor.ts';
import { gradientGraph, scoreColumns } from '../../main/training/build-step.ts';
import { flatLayout, view } from '../../main/training/flat-parameters.ts';
import { inFourBits } from '../../main/training/four-bit.ts';
import { loadModel, weightReader } from '../../main/training/load-model.ts';
import { loraStart, peftKey } from '../../main/training/lora-start.ts';
import { Stepper } from '../../main/training/stepper.ts';
import {
  continuedAdapter,
  goldenBatch,
  goldensFolder,
  readJson,
  readTensors,
  relativeError,
} from '../support/goldens.ts';
import { tempFolder } from '../support/temp-folder.ts';

const runtime = await openRuntime({ device: 'cpu' });
const cache = tempFolder().path;

const nf4: FourBitSettings = { type: 'nf4', nested: false };
const cases: [name: string, settings: FourBitSettings][] = [
  ['nf4', nf4],
  ['nf4-nested', { type: 'nf4', nested: true }],
  ['fp4', { type: 'fp4', nested: false }],
  ['int4', { type: 'int4', nested: false }],
  ['nf4-dora', { type: 'nf4', nested: false }],
];
const ways = [
  { recompute: false, headChunks: 1, memory: 'fast' },
  { recompute: false, recomputeCheap: true, headChunks: 1, memory: 'lean' },
  { recompute: true, headChunks: 3, memory: 'lean' },
] as const;

type Expected = {
  base: string;
  loss_base: number;
  loss: number;
  dpo: { beta: number; loss: number; reference: [number, number] };
  steps: number[];
};

async function open(name: string, settings: FourBitSettings, way: (typeof ways)[number], objective: Objective) {
  const golden = `${goldensFolder}/four-bit/${name}`;
  const expected = readJson(`${golden}/expected.json`) as Expected;
  const folder = `${goldensFolder}/${expected.base}`;
  const loaded = await inFourBits(loadModel(folder), { settings, cacheDir: cache });
  const lora = loraStart(continuedAdapter(`${folder}/adapter`), loaded.model, weightReader(loaded));
  const { memory, ...cuts } = way;
  const stepper = await Stepper.create(runtime, {
    model: loaded.model,
    step: {
      trained: { kind: 'lora', stored: loaded.stored, lora: lora.settings },
      objective,
      neftuneAlpha: 0,
      queryBlocks: 1,
      maxPositions: 64,
      ...cuts,
    },
    optimizer: { optim: 'adamw_torch', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 },
    weightsDir: loaded.weightsDir,
    memory,
    frozenInputs: lora.frozenInputs,
  });
  lora.initialize(stepper.layout, stepper.parameters);
  return { stepper, expected, batch: goldenBatch(folder), tensors: readTensors(`${golden}/expected.safetensors`) };
}

const near = (value: number, expected: number): void => {
  // float32 sums in another order
  expect(Math.abs(value - expected) / Math.abs(expected)).toBeLessThan(1e-4);
};

async function expectGradients(
  stepper: Stepper,
  tensors: ReadonlyMap<string, Float32Array>,
  prefix: string,
): Promise<void> {
  for (const [parameter, gradient] of await stepper.gradients())
    expect(relativeError(gradient, tensors.get(`${prefix}${peftKey(parameter)}`) ?? []), parameter).toBeLessThan(1e-4);
}

describe.each(cases)('%s', (name, settings) => {
  test.each(ways)('fine-tuning, recompute $recompute, $memory', async (way) => {
    const { stepper, expected, batch, tensors } = await open(name, settings, way, sftObjective('nll'));
    const scale = 1 / batch.labelIds.length;
    const { loss } = await stepper.accumulate(batch, scale, 0);
    near(loss, expected.loss);
    await expectGradients(stepper, tensors, 'grad.');
    await stepper.update(1e-2);
    for (const step of expected.steps.slice(1)) {
      near((await stepper.accumulate(batch, scale, 0)).loss, step);
      await stepper.update(1e-2);
    }
    for (const slot of stepper.layout.slots) if (slot.name.includes('lora_B')) view(stepper.parameters, slot).fill(0);
    // Without its branch a DoRA still scales rows.
    if (name !== 'nf4-dora') near((await stepper.evaluate(batch, scale)).loss, expected.loss_base);
    await stepper.dispose();
  });

  test.each(ways)('DPO, recompute $recompute, $memory', async (way) => {
    const {
      beta,
      loss: wanted,
      reference,
    } = (readJson(`${goldensFolder}/four-bit/${name}/expected.json`) as Expected).dpo;
    const objective = dpoObjective(
      {
        lossTypes: ['sigmoid'],
        lossWeights: [1],
        beta,
        labelSmoothing: 0,
        fDivergenceType: 'reverse_kl',
        fAlphaDivergenceCoef: 1,
        discopopTau: 0.05,
      },
      { discounts: false, weighted: false },
    );
    const { stepper, batch, tensors } = await open(name, settings, way, objective);
    // The two rows of the batch are a pair.
    const rowOf = Array.from(batch.labelRows, (place) => Math.floor(place / batch.seq));
    const membership = Float32Array.from([0, 1].flatMap((row) => rowOf.map((one) => Number(one === row))));
    const one = (value: number) => ({ dims: [1], data: Float32Array.of(value) });
    const extra = new Map([
      [pairInputs.refChosen, one(reference[0])],
      [pairInputs.refRejected, one(reference[1])],
      [pairInputs.chosenLength, one(rowOf.filter((row) => row === 0).length)],
      [pairInputs.rejectedLength, one(rowOf.filter((row) => row === 1).length)],
    ]);
    const { loss } = await stepper.accumulate({ ...batch, sequences: 2, membership, extra }, 1, 0);
    near(loss, wanted);
    await expectGradients(stepper, tensors, 'dpo.grad.');
    if (name !== 'nf4-dora') {
      for (const slot of stepper.layout.slots) if (slot.name.includes('lora_B')) view(stepper.parameters, slot).fill(0);
      const { scores } = await stepper.evaluate({ ...batch, sequences: 2, membership, extra }, 1);
      const columns = scores.length / 2;
      reference.forEach((logProb, row) => near(-(scores[row * columns + scoreColumns.nll] ?? Number.NaN), logProb));
    }
    await stepper.dispose();
  });
});

test('DoRA begins at the norms of the rounded rows, as in PEFT', async () => {
  const folder = `${goldensFolder}/llama-dora-bias`;
  const loaded = await inFourBits(loadModel(folder), { settings: { type: 'nf4', nested: false }, cacheDir: cache });
  const recipe = { lora_r: 4, lora_alpha: 8, lora_dropout: 0, use_rslora: false, use_dora: true, seed: 1 };
  const { lora_target_modules, ...rest } = { ...recipe, lora_target_modules: 'all-linear' };
  const lora = loraStart({ ...rest, lora_target_modules }, loaded.model, weightReader(loaded));
  const norms = readTensors(`${goldensFolder}/four-bit/nf4-dora/magnitudes.safetensors`);
  const specs = [...norms].map(([key, { length }]) => ({ name: key.slice(peftKey('').length), shape: [length] }));
  const others = loaded.model.linears.flatMap((layer) => {
    const [out = 0, width = 0] = loaded.model.weightShapes.get(`${layer}.weight`) ?? [];
    return [
      { name: `${layer}.lora_A.weight`, shape: [4, width] },
      { name: `${layer}.lora_B.weight`, shape: [out, 4] },
    ];
  });
  const layout = flatLayout([...specs, ...others], () => true);
  const parameters = new Float32Array(layout.size);
  lora.initialize(layout, parameters);
  expect(norms.size).toBe(loaded.model.linears.length);
  for (const slot of layout.slots) {
    const expected = norms.get(peftKey(slot.name));
    if (expected) expect(relativeError(view(parameters, slot), expected), slot.name).toBeLessThan(1e-6);
  }
});

test.each(ways)('each decoded weight serves one product, recompute $recompute, $memory', async (way) => {
  const loaded = await inFourBits(loadModel(`${goldensFolder}/llama-bias`), { settings: nf4, cacheDir: cache });
  const { memory: _, ...cuts } = way;
  const lora = loraStart(
    { lora_r: 2, lora_alpha: 2, lora_dropout: 0, use_rslora: false, seed: 1, lora_target_modules: 'all-linear' },
    loaded.model,
    weightReader(loaded),
  );
  const { graph } = gradientGraph(loaded.model, {
    trained: { kind: 'lora', stored: loaded.stored, lora: lora.settings },
    objective: sftObjective('nll'),
    neftuneAlpha: 0,
    queryBlocks: 1,
    maxPositions: 64,
    ...cuts,
  });
  const uses = new Map<Tensor, number>();
  for (const node of graph.nodes) for (const input of node.inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
  const weightShapes = new Set(
    loaded.model.linears.map((layer) => loaded.model.weightShapes.get(`${layer}.weight`)?.join()),
  );
  const decoded = graph.nodes.filter(
    ({ output }) => output.isFrozen && weightShapes.has(output.shape.map(Number).join()),
  );
  // The forward pass decodes within its products. Only q, k and v of the first layer need no gradient of their input.
  expect(decoded).toHaveLength(loaded.model.linears.length - 3);
  for (const { output } of decoded) expect(uses.get(output), output.name).toBe(1);
});
