// How much arithmetic a training step takes, from the shapes alone. What it takes of memory is step-memory.ts's.
import type { Model } from '../engine/models/model.ts';

export type AdapterShape = {
  model: Pick<Model, 'weightShapes' | 'linears'>;
  rank: number;
  /** Layer names, or their last parts. */
  targets: readonly string[];
};
export type StepShape = AdapterShape & {
  model: Pick<Model, 'weightShapes' | 'linears' | 'layers' | 'heads' | 'headDim' | 'head'>;
  /** Rows of a micro-batch, the tokens of each, and the labels of all. */
  rows: number;
  length: number;
  labels: number;
};

/** Numbers in the adapter. */
export function adapterParameters({ model, rank, targets }: AdapterShape): number {
  return model.linears
    .filter((name) => targets.some((target) => name === target || name.endsWith(`.${target}`)))
    .map((name) => model.weightShapes.get(`${name}.weight`) ?? [])
    .reduce((sum, [out = 0, width = 0]) => sum + rank * (out + width), 0);
}

/** Numbers of the weights that products go through: layers for every token, and the head for every label. */
export function multipliedWeights({ weightShapes, linears, head }: StepShape['model']): {
  layers: number;
  head: number;
} {
  const numbers = (name: string): number =>
    (weightShapes.get(name) ?? [0]).reduce((product, size) => product * size, 1);
  return {
    layers: linears.reduce((sum, name) => sum + numbers(`${name}.weight`), 0),
    head: numbers(head.weight),
  };
}

/** Multiplications and additions that a micro-batch cannot do without: forward, and the gradients of activations. */
export function stepOperations(shape: StepShape): number {
  const { model, rows, length, labels } = shape;
  const tokens = rows * length;
  const weights = multipliedWeights(model);
  const attention = 6 * rows * model.heads * model.layers * model.headDim * length ** 2;
  return 4 * (weights.layers * tokens + weights.head * labels) + 6 * adapterParameters(shape) * tokens + attention;
}
