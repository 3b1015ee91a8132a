// Where ONNX Runtime finds a model's weights: byte ranges of the checkpoint's own files, below one folder. It refuses
// what leads out of that folder, links included; so the folder is the deepest one that holds all the real files,
// and nothing is linked, copied or converted.
import { dirname, parse, relative, sep } from 'node:path';
import { UserError } from '../errors.ts';
import type { DType, ExternalData } from '../engine/graph/tensor.ts';
import type { PlainWeight } from '../engine/nn/weights.ts';
import type { ModelFolder } from './model-folder.ts';
import type { SafetensorsDType } from './safetensors.ts';

/** Types of a checkpoint that a graph knows. */
export const graphDTypes: Partial<Record<SafetensorsDType, DType>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  U8: 'uint8',
  BOOL: 'bool',
};

export type ExternalDataView = {
  /** The folder that a session is to be opened with. */
  dir: string;
  /** Throws UserError where the model has no such tensor. */
  locationOf: (name: string) => ExternalData;
};

/** @throws UserError "weights-on-several-drives" (Windows) */
export function externalDataView(folder: ModelFolder): ExternalDataView {
  const files = [...new Set([...folder.weights.values()].map(({ file }) => file))];
  const dir = deepestCommonFolder(files);
  if (dir === undefined)
    throw new UserError({
      code: 'weights-on-several-drives',
      message: `The weight files of ${folder.path} lie on several drives: ${files.join(', ')}.`,
      fix: 'Move them onto one drive.',
    });
  return {
    dir,
    locationOf: (name) => {
      const weight = folder.weights.get(name);
      if (!weight)
        throw new UserError({
          code: 'tensor-missing',
          message: `The model in ${folder.path} has no tensor "${name}".`,
          fix: 'Check that config.json belongs to these weights, or download the model again.',
        });
      const location = relative(dir, weight.file).split(sep).join('/');
      return { location, offset: weight.byteOffset, length: weight.byteLength };
    },
  };
}

/** All weights as the engine wants them, and the folder to open sessions with. @throws UserError "unsupported-dtype" */
export function storedWeights(folder: ModelFolder): { weightsDir: string; weights: Map<string, PlainWeight> } {
  const view = externalDataView(folder);
  const weights = [...folder.weights.values()].map(({ name, dtype, shape, file }): [string, PlainWeight] => {
    const known = graphDTypes[dtype];
    if (!known)
      throw new UserError({
        code: 'unsupported-dtype',
        message: `"${name}" in ${file} is stored as ${dtype}; weights can be F32, F16 or BF16.`,
        fix: 'Save the model as one of these, for example with model.to(torch.bfloat16).save_pretrained(…).',
      });
    return [name, { dtype: known, shape, data: view.locationOf(name) }];
  });
  return { weightsDir: view.dir, weights: new Map(weights) };
}

function deepestCommonFolder(files: readonly string[]): string | undefined {
  const [first, ...others] = files;
  if (first === undefined) return undefined;
  const holds = (folder: string, file: string): boolean =>
    file.startsWith(folder.endsWith(sep) ? folder : folder + sep);
  let folder = dirname(first);
  while (!others.every((file) => holds(folder, file))) {
    if (folder === parse(folder).root) return undefined;
    folder = dirname(folder);
  }
  return folder;
}
