import { expect, test } from 'vitest';
import { layerLora, loraScale, loraTargets } from '../../../main/engine/nn/lora.ts';
import { patternValue, unmatchedKeys } from '../../../main/engine/nn/lora-pattern.ts';
import { userErrorOf } from '../../support/user-error.ts';

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

// What PEFT's get_pattern_key says of the same keys and names: re.match(r"(.*\.)?(KEY)$", name), first key first.
test.each<[keys: string[], layer: string, key: string | undefined]>([
  [['q_proj'], 'model.layers.0.self_attn.q_proj', 'q_proj'],
  [['_proj'], 'model.layers.0.self_attn.q_proj', undefined],
  [['layers.1.self_attn.q_proj', 'q_proj'], 'model.layers.0.self_attn.q_proj', 'q_proj'],
  [['layers.1.self_attn.q_proj', 'q_proj'], 'model.layers.1.self_attn.q_proj', 'layers.1.self_attn.q_proj'],
  [['layers.1.self_attn.q_proj'], 'model.layers.11.self_attn.q_proj', undefined],
  [['layers'], 'model.layers.0.self_attn.q_proj', undefined],
  [['layers.*'], 'model.layers.0.self_attn.q_proj', 'layers.*'],
  [['^model\\.layers\\.[01]\\.mlp.*'], 'model.layers.0.mlp.up_proj', '^model\\.layers\\.[01]\\.mlp.*'],
  [['k_proj|q_proj'], 'model.layers.0.self_attn.q_proj', 'k_proj|q_proj'],
  [['self.attn.q_proj'], 'model.layers.0.self_attn.q_proj', 'self.attn.q_proj'],
  [['a\\-b'], 'x.a-b', 'a\\-b'],
])('of %j the key for %s is %s', (keys, layer, key) => {
  const pattern = Object.fromEntries(keys.map((name, i) => [name, i]));
  expect(patternValue(pattern, layer)).toBe(key === undefined ? undefined : keys.indexOf(key));
  expect(unmatchedKeys(pattern, [layer]).includes(key ?? keys[0] ?? '')).toBe(key === undefined);
});

test('rank and alpha of a layer have patterns of their own, and the scale follows from both', () => {
  const settings = { rank: 16, alpha: 32, rankPattern: { q_proj: 4 }, alphaPattern: { 'mlp.*': 8 }, useRslora: true };
  expect(layerLora(settings, linears[0] ?? '')).toEqual({ rank: 4, alpha: 32, scale: 16 });
  expect(layerLora(settings, linears[1] ?? '')).toEqual({ rank: 16, alpha: 8, scale: 2 });
});

test('a key that is no regular expression is refused', () => {
  expect(userErrorOf(() => patternValue({ '[q': 1 }, 'q')).message).toContain('"[q"');
  // Python's \\Z would silently be the letter Z.
  expect(userErrorOf(() => patternValue({ 'q_proj\\Z': 1 }, 'q')).code).toBe('lora-pattern-invalid');
});
