// From a model folder to what a graph needs: the model of its config and the byte ranges of its weights, checked
// against each other before anything is built.
import { storedWeights } from '../checkpoints/external-data.ts';
import { type FourBitModel, readFourBitWeight } from '../checkpoints/four-bit-model.ts';
import { type ModelFolder, openModelFolder } from '../checkpoints/model-folder.ts';
import { readTensorAsFloat32, readTensorBytes } from '../checkpoints/safetensors.ts';
import type { Model } from '../engine/models/model.ts';
import { modelFor } from '../engine/models/registry.ts';
import type { StoredWeight } from '../engine/nn/weights.ts';
import { UserError } from '../errors.ts';
import type { WeightSource } from './fixed-inputs.ts';

export type LoadedModel = {
  folder: ModelFolder;
  model: Model;
  stored: ReadonlyMap<string, StoredWeight>;
  /** What the weights' locations are relative to. */
  weightsDir: string;
  /** Where the linear layers are rounded to four bits. */
  fourBit?: FourBitModel;
};

/** Opens a model. Throws a UserError when config.json and weights do not belong together. */
export function loadModel(path: string): LoadedModel {
  const folder = openModelFolder(path);
  const model = modelFor(folder.config);
  const { weights, weightsDir } = storedWeights(folder);
  for (const [name, shape] of model.weightShapes) {
    const weight = weights.get(name);
    if (!weight)
      throw contradiction(path, `config.json asks for the tensor ${name} [${shape.join(', ')}], the weights have none`);
    if (weight.shape.join() !== shape.join())
      throw contradiction(
        path,
        `${name} is [${weight.shape.join(', ')}] in the weights, config.json makes it [${shape.join(', ')}]`,
      );
    if (!floatTypes.has(weight.dtype))
      throw contradiction(path, `${name} is stored as ${weight.dtype}; weights are F32, F16 or BF16`);
  }
  return { folder, model, stored: weights, weightsDir };
}

/**
 * Reads single weights of a model as float32, by their names in the checkpoint: as the graphs see them, after rounding
 * to four bits where that was done.
 */
export function weightReader({
  folder,
  fourBit,
}: Pick<LoadedModel, 'folder' | 'fourBit'>): (name: string) => Float32Array {
  return (name) => {
    const rounded = fourBit?.weights.get(name);
    if (fourBit && rounded && 'codes' in rounded) return readFourBitWeight(fourBit.dir, rounded);
    const info = folder.weights.get(name);
    if (!info) throw new Error(`the checkpoint has no tensor "${name}"`);
    return readTensorAsFloat32(info.file, info);
  };
}

/** Reads single weights of a model as both: for a device that has a memory of its own. */
export function weightSource(loaded: LoadedModel): WeightSource {
  const { weights } = loaded.folder;
  return {
    readWeight: weightReader(loaded),
    readBytes: (name) => {
      const info = weights.get(name);
      if (!info) throw new Error(`the checkpoint has no tensor "${name}"`);
      return readTensorBytes(info.file, info);
    },
  };
}

const floatTypes: ReadonlySet<string> = new Set(['float32', 'float16', 'bfloat16']);

function contradiction(path: string, what: string): UserError {
  return new UserError({
    code: 'model-contradiction',
    message: `The model in ${path} contradicts itself: ${what}.`,
    fix: 'Take config.json and weights from the same release of the model.',
  });
}
