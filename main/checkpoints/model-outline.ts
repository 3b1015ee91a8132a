// What a model consists of, of a model folder and of a GGUF file that is still to be converted alike: for those who look
// at a model and do not load it.
import { ggufAt } from './gguf/ready-model.ts';
import { type GgufModel, openGguf } from './gguf/model.ts';
import { type ModelFolder, openModelFolder, type WeightLocation } from './model-folder.ts';
import { tensorBytes } from './safetensors-header.ts';

export type ModelOutline = {
  config: Record<string, unknown>;
  /** As they are, or will be after the conversion. */
  weights: ReadonlyMap<string, Pick<WeightLocation, 'dtype' | 'shape' | 'byteLength'>>;
  /** Which of the two it is. */
  from: { folder: ModelFolder } | { gguf: GgufModel };
};

/** @throws UserError as openModelFolder and openGguf do */
export function modelOutline(path: string): ModelOutline {
  const file = ggufAt(path);
  if (file === undefined) {
    const folder = openModelFolder(path);
    return { config: folder.config, weights: folder.weights, from: { folder } };
  }
  const gguf = openGguf(file);
  const weights = gguf.tensors.map(({ name, dtype, shape }) => {
    const described = { dtype, shape: [...shape], byteLength: tensorBytes(dtype, shape) };
    return [name, described] as const;
  });
  return { config: gguf.config, weights: new Map(weights), from: { gguf } };
}
