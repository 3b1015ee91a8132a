// A folder that can be opened as a model, and no more: for tests of what happens around training.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSafetensors } from '../../main/checkpoints/safetensors.ts';

export function writeModelStub(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), '{"model_type":"llama"}');
  const data = new Float32Array(1);
  writeSafetensors(join(folder, 'model.safetensors'), [{ name: 'lm_head.weight', dtype: 'F32', shape: [1], data }]);
}
