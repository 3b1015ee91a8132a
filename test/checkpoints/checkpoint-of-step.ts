// A training checkpoint whose every value tells its step, so that a mixture of two would be noticed.
import type { TrainingCheckpoint } from '../../main/checkpoints/run-state.ts';

export function checkpointOfStep(step: number, inner = 16): TrainingCheckpoint {
  const values = (count: number, salt: number) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(step * 31 + salt + i));
  const a = 'base_model.model.model.layers.0.mlp.up_proj.lora_A.weight';
  const b = a.replace('lora_A', 'lora_B');
  return {
    step,
    adapter: {
      config: {
        r: 4,
        lora_alpha: 8,
        lora_dropout: 0,
        target_modules: ['up_proj'],
        use_rslora: false,
        base_model_name_or_path: 'models/base',
        revision: null,
      },
      tensors: new Map([
        [a, { shape: [4, inner], data: values(4 * inner, 1) }],
        [b, { shape: [8, 4], data: values(32, 2) }],
      ]),
    },
    optimizer: new Map([
      [`exp_avg.${a}`, { shape: [4, inner], data: values(4 * inner, 3) }],
      [`exp_avg_sq.${a}`, { shape: [4, inner], data: values(4 * inner, 4) }],
    ]),
    state: { step, loss: 1 / (step + 3), rng: [step, 2 ** 53 - 1], nested: { text: 'ü\n' } },
  };
}
