// A stepper on one of the goldens, with the adapter that PyTorch began with, and what PyTorch then computed.
import { expect } from 'vitest';
import type { AutocastSettings } from '../../main/engine/graph/autocast.ts';
import { modelFor } from '../../main/engine/models/registry.ts';
import type { SchedulerType } from '../../main/engine/optim/schedule.ts';
import { sftObjective } from '../../main/engine/losses/sft.ts';
import type { LossScaler } from '../../main/engine/optim/loss-scaler.ts';
import type { Runtime } from '../../main/engine/runtime/runtime.ts';
import { view } from '../../main/training/flat-parameters.ts';
import { loadModel, weightReader, weightSource } from '../../main/training/load-model.ts';
import { loraStart } from '../../main/training/lora-start.ts';
import { Stepper } from '../../main/training/stepper.ts';
import {
  continuedAdapter,
  goldenBatch,
  goldensFolder,
  pissaGoldens,
  pissaStart,
  readJson,
  adapterTensors,
  readTensors,
  storedWeights,
} from './goldens.ts';

type Expected = {
  loss: number;
  loss_base: number;
  optimizer: { betas: [number, number]; eps: number; weight_decay: number; max_grad_norm: number; lr: number };
  schedule: { lr_scheduler_type: SchedulerType; warmup_steps: number; total_steps: number };
  steps: { loss: number; grad_norm: number; learning_rate: number }[];
  final_loss: number;
};

export const peftKey = (parameter: string): string => `base_model.model.${parameter}`;

export type Way = {
  recompute: boolean;
  headChunks: number;
  queryBlocks: number;
  memory: 'fast' | 'lean';
  autocast?: AutocastSettings;
  lossScaler?: LossScaler;
};

export async function openGolden(runtime: Runtime, name: string, way: Way) {
  const folder = `${goldensFolder}/${name}`;
  const expected = readJson(`${folder}/expected.json`) as Expected;
  const batch = goldenBatch(folder);
  const model = modelFor(readJson(`${folder}/config.json`) as Record<string, unknown>);
  const { optimizer } = expected;
  const isPissa = pissaGoldens.includes(name);
  const recipe = isPissa ? pissaStart(folder).recipe : continuedAdapter(`${folder}/adapter`);
  const loaded = loadModel(folder);
  const lora = loraStart(recipe, model, weightReader(loaded));
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
      autocast: way.autocast,
    },
    lossScaler: way.lossScaler,
    optimizer: {
      optim: 'adamw_torch',
      beta1: optimizer.betas[0],
      beta2: optimizer.betas[1],
      epsilon: optimizer.eps,
      weightDecay: optimizer.weight_decay,
      maxGradNorm: optimizer.max_grad_norm,
    },
    weightsDir: folder,
    weightSource: weightSource(loaded),
    memory: way.memory,
    frozenInputs: lora.frozenInputs,
  });
  if (isPissa) expect(lora.restore(stepper.layout, stepper.parameters, pissaStart(folder).tensors)).toBe(true);
  else lora.initialize(stepper.layout, stepper.parameters);
  stepper.homeChanged();
  const start = adapterTensors(folder);
  expect(stepper.layout.slots.map(({ name }) => peftKey(name)).sort()).toEqual([...start.keys()].sort());
  for (const slot of stepper.layout.slots)
    expect(view(stepper.parameters, slot), slot.name).toEqual(start.get(peftKey(slot.name)));
  return { stepper, expected, batch, tensors: readTensors(`${folder}/expected.safetensors`) };
}
