// The training graph against PyTorch: loss, every LoRA gradient, some optimizer steps and the final adapter of small
// models of every family, in the fast and the lean way of building the step. PiSSA starts on a model that PEFT has changed in memory.
import { describe, expect, test } from 'vitest';
import { learningRateAt } from '../../main/engine/optim/schedule.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { view } from '../../main/training/flat-parameters.ts';
import { openGolden, peftKey } from '../support/golden-stepper.ts';
import { familyGoldens, llamaGoldens, pissaGoldens, relativeError } from '../support/goldens.ts';

const runtime = await openRuntime({ device: 'cpu' });

const ways = [
  { recompute: false, headChunks: 1, queryBlocks: 1, memory: 'fast' },
  { recompute: true, headChunks: 3, queryBlocks: 3, memory: 'lean' },
] as const;

describe.each([...llamaGoldens, ...pissaGoldens, ...familyGoldens])('%s', (name) => {
  test.each(ways)('loss, gradients and the steps, recompute $recompute', async (way) => {
    const { stepper, expected, batch, tensors } = await openGolden(runtime, name, way);
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
