// What must hold of a training step whatever the model: compared with itself run another way.
import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { collate } from '../../main/data/batches.ts';
import { layOut } from '../../main/data/forest.ts';
import type { Batch, TokenizedExample } from '../../main/data/types.ts';
import { modelFor } from '../../main/engine/models/registry.ts';
import { sftObjective } from '../../main/engine/losses/sft.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { view } from '../../main/training/flat-parameters.ts';
import { collectGarbage } from '../../main/training/garbage.ts';
import { loadModel, weightReader } from '../../main/training/load-model.ts';
import { loraStart } from '../../main/training/lora-start.ts';
import { Stepper } from '../../main/training/stepper.ts';
import { goldensFolder, readJson, readTensors, relativeError, storedWeights } from '../support/goldens.ts';

const folder = `${goldensFolder}/llama-mha-untied`;
const model = modelFor(readJson(`${folder}/config.json`) as Record<string, unknown>);
const stored = storedWeights(folder);
const runtime = await openRuntime({ device: 'cpu' });
const opened: Stepper[] = [];
afterAll(() => Promise.all(opened.map((stepper) => stepper.dispose())));

type Way = {
  recompute?: boolean;
  headChunks?: number;
  queryBlocks?: number;
  dropout?: number;
  b?: 'zero' | 'random';
  rank?: number;
  /** DoRA on a PiSSA start: every part that a layer can have. */
  everything?: boolean;
};

async function open({
  recompute = false,
  headChunks = 1,
  queryBlocks = 1,
  dropout = 0,
  b = 'random',
  rank = 4,
  everything = false,
}: Way = {}): Promise<Stepper> {
  const recipe = { lora_r: rank, lora_alpha: 8, use_rslora: false, lora_dropout: dropout, seed: 1 };
  const changes = everything ? { use_dora: true, init_lora_weights: 'pissa' } : {};
  const { settings, frozenInputs, initialize } = loraStart(
    { ...recipe, lora_target_modules: 'all-linear', ...changes },
    model,
    weightReader(loadModel(folder)),
  );
  const stepper = await Stepper.create(runtime, {
    model,
    step: {
      trained: { kind: 'lora', lora: settings, stored },
      objective: sftObjective('nll'),
      recompute,
      headChunks,
      neftuneAlpha: 0,
      queryBlocks,
      maxPositions: 64,
    },
    optimizer: { optim: 'adamw_torch', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 },
    weightsDir: folder,
    memory: recompute ? 'lean' : 'fast',
    frozenInputs,
  });
  initialize(stepper.layout, stepper.parameters);
  const start = readTensors(`${folder}/adapter/adapter_model.safetensors`);
  for (const slot of stepper.layout.slots) {
    if (b === 'zero' && slot.name.includes('lora_B')) continue;
    // Magnitudes stay as they begin; of PiSSA's A and B the frozen pair does.
    view(stepper.parameters, slot).set(start.get(`base_model.model.${slot.name}`) ?? []);
  }
  opened.push(stepper);
  return stepper;
}

/** A row of made-up tokens, of which every third is not trained. */
function row(length: number, seed: number): TokenizedExample {
  const inputIds = Int32Array.from({ length }, (_, i) => 1 + ((i * 7 + seed * 13) % (model.vocabSize - 1)));
  return { inputIds, trained: Uint8Array.from({ length }, (_, i) => Number(i > 0 && i % 3 !== 0)) };
}

const rows = Array.from({ length: 16 }, (_, i) => row(4 + ((i * 5) % 13), i));
const labelsOf = (batches: Batch[]): number => batches.reduce((sum, batch) => sum + batch.labelIds.length, 0);

async function step(stepper: Stepper, batches: Batch[], seed = 7) {
  let loss = 0;
  for (const [i, batch] of batches.entries())
    loss += (await stepper.accumulate(batch, 1 / labelsOf(batches), seed + i)).loss;
  return { loss, gradients: await stepper.gradients() };
}

function expectSame(a: Awaited<ReturnType<typeof step>>, b: Awaited<ReturnType<typeof step>>, tolerance: number): void {
  expect(Math.abs(a.loss - b.loss) / b.loss).toBeLessThan(tolerance);
  for (const [name, gradient] of b.gradients) {
    const size = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
    if (size > 1e-9) expect(relativeError(a.gradients.get(name) ?? [], gradient), name).toBeLessThan(tolerance);
  }
}

test('2 x 8 equals 8 x 2 equals 16 x 1, rows of different lengths and all', async () => {
  const cut = (size: number): Batch[] =>
    Array.from({ length: 16 / size }, (_, i) => collate(rows.slice(i * size, (i + 1) * size)));
  const whole = await step(await open(), cut(16));
  for (const size of [8, 2, 1]) expectSame(await step(await open(), cut(size)), whole, 2e-5); // float32 sums in another order
});

test("lean mode keeps nothing of a micro-batch: neither dropout's masks nor copies of gradients", async () => {
  const batch = collate(Array.from({ length: 16 }, (_, i) => row(64, i)));
  const stepper = await open({ recompute: true, dropout: 0.1 });
  await stepper.accumulate(batch, 1, 1);
  // V8 sweeps freed buffers in the background.
  await setTimeout(300);
  const kept = process.memoryUsage().arrayBuffers;
  collectGarbage(); // nobody holds the inputs here, so this is what has to stay
  await setTimeout(300);
  const widths = model.linears.map((layer) => model.weightShapes.get(`${layer}.weight`)?.[1] ?? 0);
  const maskBytes = 16 * 64 * widths.reduce((sum, width) => sum + width, 0);
  expect(maskBytes).toBeGreaterThan(300_000);
  expect(kept - process.memoryUsage().arrayBuffers).toBeLessThan(maskBytes / 4);

  await stepper.update(0);
  await setTimeout(300);
  const spent = kept - process.memoryUsage().arrayBuffers; // gradients are not kept into the next step
  expect(spent).toBeGreaterThan(0.9 * 4 * stepper.layout.size);
});

test('B = 0 equals the base model, and only B gets a gradient', async () => {
  const batch = collate(rows.slice(0, 4));
  const weight = 1 / batch.labelIds.length;
  const [fresh, narrow] = [await open({ b: 'zero' }), await open({ b: 'zero', rank: 4 })];
  narrow.parameters.fill(0); // A = 0 as well: the branch is gone for certain
  const { loss } = await fresh.evaluate(batch, weight);
  expect(loss).toBe((await narrow.evaluate(batch, weight)).loss);
  for (const [name, gradient] of (await step(fresh, [batch])).gradients)
    expect(
      gradient.some((x) => x !== 0),
      name,
    ).toBe(name.includes('lora_B'));
});

describe('recomputation, head chunks and query blocks change nothing beyond rounding', () => {
  test.each([
    { recompute: true, headChunks: 1 },
    { recompute: false, headChunks: 5 },
    { recompute: true, headChunks: 4 },
    { queryBlocks: 2 },
    { recompute: true, queryBlocks: 5 },
  ])('%j', async (way) => {
    const batches = [collate(rows.slice(0, 5)), collate(rows.slice(5, 7))];
    for (const settings of [{}, { dropout: 0.3 }, { everything: true }, { everything: true, dropout: 0.3 }])
      expectSame(
        await step(await open({ ...way, ...settings }), batches),
        await step(await open(settings), batches),
        2e-5,
      );
  });
  test('more chunks than labels', async () => {
    const batch = [collate([row(3, 1)])];
    expectSame(await step(await open({ headChunks: 6 }), batch), await step(await open(), batch), 2e-5);
  });
});

test('tokens after the last trained one, and padding, have no influence', async () => {
  const base = row(8, 3);
  base.trained.fill(0, 5);
  const other = { inputIds: base.inputIds.slice(), trained: base.trained };
  other.inputIds.fill(2, 5);
  const long = row(20, 4);
  const a = await step(await open(), [collate([base, long])]);
  const b = await step(await open(), [collate([other, long])]);
  const padded = await step(await open(), [collate([base, long], { padToMultipleOf: 32 })]);
  expect(a.loss).toBe(b.loss);
  for (const [name, gradient] of a.gradients) expect(gradient, name).toEqual(b.gradients.get(name));
  expectSame(padded, a, 2e-5);
});

test('a packed row hears nothing of its neighbour: other tokens beside it change no bit of its own', async () => {
  const stepper = await open();
  const kept = { ...row(11, 3), sequence: 0 };
  const beside = (seed: number) => layOut([[{ ...row(9, seed), sequence: 1 }, kept]], { sequences: 2 });
  const [one, other] = [await stepper.evaluate(beside(1), 1), await stepper.evaluate(beside(2), 1)];
  const columns = one.scores.length / 2;
  expect(one.scores.subarray(0, columns)).toEqual(other.scores.subarray(0, columns));
  expect(one.scores.subarray(columns)).not.toEqual(other.scores.subarray(columns));
  // And it is what the row says alone, to the rounding of sums in another order.
  const alone = await stepper.evaluate(collate([kept]), 1);
  alone.scores.forEach((score, i) => {
    expect(Math.abs((one.scores[i] ?? Number.NaN) - score) / Math.max(1, Math.abs(score))).toBeLessThan(1e-5);
  });
});

test('rows that fill the padding of others give the loss and gradients of padded ones', async () => {
  const some = rows.slice(0, 7);
  const filled = layOut(
    some.map((one) => [one]),
    { fillPadding: true },
  );
  expect(filled.batch).toBeLessThan(7);
  expectSame(await step(await open(), [filled]), await step(await open(), [collate(some)]), 2e-5);
});

test('a row without trained tokens has no gradient', async () => {
  const silent = { ...row(6, 1), trained: new Uint8Array(6) };
  const stepper = await open();
  const { loss } = await stepper.accumulate(collate([silent]), 1, 0);
  expect(loss).toBe(0);
  for (const gradient of (await stepper.gradients()).values()) expect(gradient.every((x) => x === 0)).toBe(true);
});

test.each([false, true])(
  'dropout: the same seed repeats, another differs, evaluation is without (DoRA and PiSSA: %s)',
  async (everything) => {
    const batch = collate(rows.slice(0, 4));
    const [first, again, other] = [
      await step(await open({ everything, dropout: 0.5 }), [batch], 1),
      await step(await open({ everything, dropout: 0.5 }), [batch], 1),
      await step(await open({ everything, dropout: 0.5 }), [batch], 2),
    ];
    expect(first.loss).toBe(again.loss);
    expect(first.loss).not.toBe(other.loss);
    const weight = 1 / batch.labelIds.length;
    expect((await (await open({ everything, dropout: 0.5 })).evaluate(batch, weight)).loss).toBe(
      (await (await open({ everything })).evaluate(batch, weight)).loss,
    );
  },
);

test('the same start and data give the same bits', async () => {
  const run = async (): Promise<Float32Array> => {
    const stepper = await open({ dropout: 0.1 });
    for (let i = 0; i < 5; i++) {
      await step(stepper, [collate(rows.slice(i, i + 6))], i);
      await stepper.update(1e-3);
    }
    return stepper.parameters;
  };
  expect(await run()).toEqual(await run());
});
