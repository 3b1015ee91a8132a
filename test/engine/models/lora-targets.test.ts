// The layers that LoRA adapts where none are named: PEFT's own choice where it has one (test/parity/trl_keys_goldens.py),
// and where it would ask for them, the same of layers that exist.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modelFor } from '../../../main/engine/models/registry.ts';
import { loraTargets } from '../../../main/engine/nn/lora.ts';
import { goldensFolder } from '../../support/goldens.ts';
import published from './published.json' with { type: 'json' };

const chosen = JSON.parse(readFileSync(join(goldensFolder, 'trl-keys', 'lora-targets.json'), 'utf8')) as Record<
  string,
  string[] | null
>;

test.each(Object.entries(chosen))('of %s', (type, layers) => {
  const config = published.find((one) => one.config.model_type === type)?.config;
  if (!config) throw new Error(`no published ${type}`);
  const model = modelFor(config);
  const ours = type === 'phi3' ? ['qkv_proj'] : ['q_proj', 'v_proj'];
  expect(model.defaultLoraTargets).toEqual(layers ?? ours);
  expect(loraTargets(model.linears, model.defaultLoraTargets).size).toBe(ours.length * model.layers);
});
