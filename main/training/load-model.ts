// From a model folder to what a graph needs: the model of its config and the byte ranges of its weights, checked
// against each other before anything is built.
import { externalDataView, openModelFolder, type ModelFolder } from '../checkpoints/model-folder.ts';
import type { DType } from '../engine/graph/tensor.ts';
import type { Model } from '../engine/models/model.ts';
import { modelFor } from '../engine/models/registry.ts';
import type { StoredWeight } from '../engine/nn/weights.ts';
import { UserError } from '../errors.ts';

export type LoadedModel = {
  folder: ModelFolder;
  model: Model;
  stored: ReadonlyMap<string, StoredWeight>;
  /** What the weights' locations are relative to. */
  weightsDir: string;
};

const dtypes: Readonly<Record<string, DType>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** Opens a model. Throws a UserError when config.json and weights do not belong together. `scratchDir` may take links. */
export function loadModel(path: string, scratchDir: string): LoadedModel {
  const folder = openModelFolder(path);
  const model = modelFor(folder.config);
  const view = externalDataView(folder, scratchDir);
  const stored = new Map<string, StoredWeight>();
  for (const [name, shape] of model.weightShapes) {
    const weight = folder.weights.get(name);
    if (!weight) throw contradiction(path, `config.json asks for the tensor ${name} [${shape.join(', ')}], the weights have none`);
    if (weight.shape.join() !== shape.join())
      throw contradiction(path, `${name} is [${weight.shape.join(', ')}] in the weights, config.json makes it [${shape.join(', ')}]`);
    const dtype = dtypes[weight.dtype];
    if (!dtype) throw contradiction(path, `${name} is stored as ${weight.dtype}; F32, F16 and BF16 can be read`);
    stored.set(name, { dtype, shape, data: view.locationOf(name) });
  }
  return { folder, model, stored, weightsDir: view.dir };
}

/** Throws unless every id of the tokenizer has a row in the embedding. */
export function requireTokenizerFits(path: string, model: Model, tokenizerSize: number): void {
  if (tokenizerSize <= model.vocabSize) return;
  throw new UserError({
    code: 'tokenizer-too-large',
    message: `The tokenizer in ${path} has ${tokenizerSize} tokens, the model's embedding only ${model.vocabSize} rows.`,
    fix: 'Use the tokenizer that came with this model, or a model whose embedding was resized for it.',
  });
}

function contradiction(path: string, what: string): UserError {
  return new UserError({
    code: 'model-contradiction',
    message: `The model in ${path} contradicts itself: ${what}.`,
    fix: 'Take config.json and weights from the same release of the model.',
  });
}
