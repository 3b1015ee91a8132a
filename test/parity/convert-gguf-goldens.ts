// Converts each tiny GGUF file of test/goldens/gguf into a model folder, for gguf_models_check.py. Usage: FOLDER.
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { modelName, modelsAmong } from '../../main/checkpoints/gguf/file-names.ts';
import { readyModel } from '../../main/checkpoints/gguf/ready-model.ts';

const [folder = ''] = process.argv.slice(2);
const goldens = join(import.meta.dirname, '..', 'goldens', 'gguf');
for (const [file] of modelsAmong(readdirSync(goldens)))
  if (file !== 'blocks.gguf') renameSync(await readyModel(join(goldens, file), folder), join(folder, modelName(file)));
