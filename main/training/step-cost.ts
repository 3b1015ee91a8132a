// How much arithmetic a training step takes, from the shapes alone. What it takes of memory is step-memory.ts's.
import type { Model } from '../engine/models/model.ts';

export type StepShape = {
  model: Pick<Model, 'weightShapes' | 'linears' | 'layers' | 'heads' | 'headDim'>;
  rank: number;
  /** Layer names, or their last parts. */
  targets: readonly string[];
  /** Sequences of a batch and their length in tokens. */
  sequences: number;
  length: number;
};

/** Numbers in the adapter. */
export function adapterParameters({ model, rank, targets }: StepShape): number {
  return model.linears
    .filter((name) => targets.some((target) => name === target || name.endsWith(`.${target}`)))
    .map((name) => model.weightShapes.get(`${name}.weight`) ?? [])
    .reduce((sum, [out = 0, width = 0]) => sum + rank * (out + width), 0);
}

/** Multiplications and additions that a micro-batch cannot do without: forward, and the gradients of activations. */
export function stepOperations(shape: StepShape): number {
  const { model, sequences, length } = shape;
  const parameters = [...model.weightShapes.values()].reduce(
    (sum, dims) => sum + dims.reduce((product, size) => product * size, 1),
    0,
  );
  const tokens = sequences * length;
  const attention = 6 * sequences * model.heads * model.layers * model.headDim * length ** 2;
  return 4 * parameters * tokens + 6 * adapterParameters(shape) * tokens + attention;
}
