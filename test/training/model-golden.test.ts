// The training graph against PyTorch: loss, every LoRA gradient, some optimizer steps and the final adapter of small
// models of every family, in the fast and the lean way of building the step. PiSSA starts on a model that PEFT has changed in memory.
import { describe, expect, test } from 'vitest';
import { modelFor } from '../../main/engine/models/registry.ts';
import { learningRateAt, type SchedulerType } from '../../main/engine/optim/schedule.ts';
import { sftObjective } from '../../main/engine/losses/sft.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { view } from '../../main/training/flat-parameters.ts';
import { loadModel, weightReader } from '../../main/training/load-model.ts';
import { loraStart } from '../../main/training/lora-start.ts';
import { Stepper } from '../../main/training/stepper.ts';
import {
  continuedAdapter,
  familyGoldens,
  goldenBatch,
  goldensFolder,
  llamaGoldens,
  pissaGoldens,
  pissaStart,
  readJson,
  readTensors,
  relativeError,
  storedWeights,
} from '../support/goldens.ts';

type Expected = {
  loss: number;
  loss_base: number;
  optimizer: { betas: [number, number]; eps: number; weight_decay: number; max_grad_norm: number; lr: number };
  schedule: { lr_scheduler_type: SchedulerType; warmup_steps: number; total_steps: number };
  steps: { loss: number; grad_norm: number; learning_rate: number }[];
  final_loss: number;
};

const runtime = await openRuntime({ device: 'cpu' });
const peftKey = (parameter: string): string => `base_model.model.${parameter}`;

async function open(
  name: string,
  way: { recompute: boolean; headChunks: number; queryBlocks: number; memory: 'fast' | 'lean' },
) {
  const folder = `${goldensFolder}/${name}`;
  const expected = readJson(`${folder}/expected.json`) as Expected;
  const batch = goldenBatch(folder);
  const model = modelFor(readJson(`${folder}/config.json`) as Record<string, unknown>);
  const { optimizer } = expected;
  const isPissa = pissaGoldens.includes(name);
  const recipe = isPissa ? pissaStart(folder).recipe : continuedAdapter(`${folder}/adapter`);
  const lora = loraStart(recipe, model, weightReader(loadModel(folder)));
  const stepper = await Stepper.create(runtime, {
    model,
    step: {
      trained: { kind: 'lora', stored: storedWeights(folder), lora: lora.settings },
      recompute: way.recompute,
      objective: sftObjective('nll'),
      headChunks: way.headChunks,
      neftuneAlpha: 0,
      queryBlocks: way.queryBlocks,
      maxPositions: batch.seq,
    },
    optimizer: {
      optim: 'adamw_torch',
      beta1: optimizer.betas[0],
      beta2: optimizer.betas[1],
      epsilon: optimizer.eps,
      weightDecay: optimizer.weight_decay,
      maxGradNorm: optimizer.max_grad_norm,
    },
    weightsDir: folder,
    memory: way.memory,
    frozenInputs: lora.frozenInputs,
  });
  if (isPissa) expect(lora.restore(stepper.layout, stepper.parameters, pissaStart(folder).tensors)).toBe(true);
  else lora.initialize(stepper.layout, stepper.parameters);
  const start = readTensors(`${folder}/adapter/adapter_model.safetensors`);
  expect(stepper.layout.slots.map(({ name }) => peftKey(name)).sort()).toEqual([...start.keys()].sort());
  for (const slot of stepper.layout.slots)
    expect(view(stepper.parameters, slot), slot.name).toEqual(start.get(peftKey(slot.name)));
  return { stepper, expected, batch, tensors: readTensors(`${folder}/expected.safetensors`) };
}

const ways = [
  { recompute: false, headChunks: 1, queryBlocks: 1, memory: 'fast' },
  { recompute: true, headChunks: 3, queryBlocks: 3, memory: 'lean' },
] as const;

describe.each([...llamaGoldens, ...pissaGoldens, ...familyGoldens])('%s', (name) => {
  test.each(ways)('loss, gradients and the steps, recompute $recompute', async (way) => {
    const { stepper, expected, batch, tensors } = await open(name, way);
    const { schedule, optimizer } = expected;
    const labelWeight = 1 / batch.labelIds.length;
    const { loss } = await stepper.accumulate(batch, labelWeight, 0);
    // float32 rounding of two different orders of summation
    expect(loss).toBeCloseTo(expected.loss, 4);
    for (const [parameter, gradient] of await stepper.gradients()) {
      const error = relativeError(gradient, tensors.get(`grad.${peftKey(parameter)}`) ?? []);
      expect(error, parameter).toBeLessThan(1e-4);
    }
    for (const [i, step] of expected.steps.entries()) {
      const before = i === 0 ? { loss } : await stepper.accumulate(batch, labelWeight, 0);
      expect(Math.abs(before.loss - step.loss) / step.loss, `loss of step ${i}`).toBeLessThan(1e-4);
      const rate = learningRateAt(
        {
          type: schedule.lr_scheduler_type,
          learningRate: optimizer.lr,
          warmupSteps: schedule.warmup_steps,
          totalSteps: schedule.total_steps,
        },
        i,
      );
      expect(rate).toBeCloseTo(step.learning_rate, 12);
      const norm = await stepper.update(rate);
      expect(Math.abs(norm - step.grad_norm) / step.grad_norm, `grad_norm of step ${i}`).toBeLessThan(1e-3);
    }
    const after = await stepper.evaluate(batch, labelWeight);
    expect(Math.abs(after.loss - expected.final_loss) / expected.final_loss).toBeLessThan(1e-4);
    await stepper.fetchHome();
    for (const slot of stepper.layout.slots) {
      const error = relativeError(view(stepper.parameters, slot), tensors.get(`final.${peftKey(slot.name)}`) ?? []);
      expect(error, slot.name).toBeLessThan(2e-3); // Adam divides small gradients by themselves: rounding grows
    }
    await stepper.dispose();
  });
});
