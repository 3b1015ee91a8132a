import { expect, test } from 'vitest';
import { loraScale, loraTargets } from '../../../main/engine/nn/lora.ts';

const linears = ['model.layers.0.self_attn.q_proj', 'model.layers.0.mlp.up_proj', 'model.layers.1.self_attn.q_proj'];

test('targets are whole names or their last parts, as PEFT matches them', () => {
  expect([...loraTargets(linears, ['q_proj'])]).toEqual([linears[0], linears[2]]);
  expect([...loraTargets(linears, ['layers.1.self_attn.q_proj'])]).toEqual([linears[2]]);
  expect([...loraTargets(linears, ['all-linear'])]).toEqual(linears);
  expect([...loraTargets(linears, ['proj'])]).toEqual([]); // no match inside a part
});

test('scale is alpha / r, with rsLoRA alpha / sqrt(r)', () => {
  expect(loraScale({ rank: 16, alpha: 32, useRslora: false })).toBe(2);
  expect(loraScale({ rank: 16, alpha: 32, useRslora: true })).toBe(8);
});
