// Adapters of a model that also sees: as PEFT names them in the whole model, and back. PEFT's own judgement is the stage
// "adapter and merged model of gemma3-whole" of npm run parity.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAdapter, writeAdapterFiles } from '../../main/checkpoints/adapter.ts';
import { openModelFolder } from '../../main/checkpoints/model-folder.ts';
import { modelFor } from '../../main/engine/models/registry.ts';
import { goldensFolder, readShapedTensors } from '../support/goldens.ts';
import { scratchFolder } from './scratch.ts';

const golden = join(goldensFolder, 'families', 'gemma3-whole');

test('the part for text is what the model consists of', () => {
  const { config, weights, isPart } = openModelFolder(golden);
  expect([config.model_type, config.architectures, isPart]).toEqual(['gemma3_text', ['Gemma3ForCausalLM'], true]);
  expect([...weights.keys()].sort()).toEqual([...modelFor(config).weightShapes.keys()].sort());
  expect(openModelFolder(join(goldensFolder, 'families', 'gemma3-old')).isPart).toBeUndefined();
});

test("PEFT's adapter of the whole is read as one of the part, and written as it was", () => {
  const path = join(golden, 'adapter');
  const { config, tensors } = readAdapter(path);
  expect(config.inWhole).toBe(true);
  expect(config.target_modules).toContain('model.layers.1.mlp.down_proj');
  expect([...tensors.keys()].filter((key) => key.includes('language_model'))).toEqual([]);

  const folder = scratchFolder();
  writeAdapterFiles(folder, {
    config: { ...config, rank_pattern: { 'layers.1.self_attn.q_proj': 2 }, alpha_pattern: { 'mlp.*': 8 } },
    tensors,
  });
  const written = readShapedTensors(join(folder, 'adapter_model.safetensors'));
  expect(written).toEqual(readShapedTensors(join(path, 'adapter_model.safetensors')));
  const json = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
  const peft = JSON.parse(readFileSync(join(path, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
  expect((json.target_modules as string[]).sort()).toEqual(peft.target_modules);
  // The ends of names would also be those of layers of the eyes.
  expect(json.rank_pattern).toEqual({ 'model.language_model.layers.1.self_attn.q_proj': 2 });
  expect(Object.keys(json.alpha_pattern as object)).toHaveLength(6);

  const again = readAdapter(folder);
  expect(again.config.rank_pattern).toEqual({ 'model.layers.1.self_attn.q_proj': 2 });
  expect(again.tensors).toEqual(tensors);
});
