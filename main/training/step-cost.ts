// What a training step takes of memory and arithmetic, from the shapes alone. The memory is a fit to measured peaks on
// the CPU (test/training/step-cost.test.ts holds them): good to about a sixth.
import type { Model } from '../engine/models/model.ts';

export type StepShape = {
  model: Pick<Model, 'weightShapes' | 'linears' | 'layers' | 'hiddenSize' | 'vocabSize' | 'heads' | 'headDim'>;
  /** Bytes of the weights as they are stored. */
  storedBytes: number;
  rank: number;
  /** Layer names, or their last parts. */
  targets: readonly string[];
  /** Sequences of a batch and their length in tokens. */
  sequences: number;
  length: number;
  /** Weights stay mapped from their file: see memoryOf of the recipe. */
  lean: boolean;
  /** gradient_checkpointing */
  recompute: boolean;
  /** Bits that a weight of a linear layer takes, scales included, where the base model is rounded. */
  weightBits?: number | undefined;
  /** Bytes of optimizer state for each trained parameter. */
  stateBytes: number;
};

/** Bytes, by what they are for. */
export type StepMemory = { weights: number; activations: number; optimizer: number; overhead: number };

type Sizes = {
  parameters: number;
  /** Those of linear layers, and of the largest of them. */
  linear: number;
  largest: number;
  adapter: number;
  outputs: number;
  heads: number;
};

function sizesOf({ model, rank, targets }: StepShape): Sizes {
  let [adapter, outputs, linear, largest] = [0, 0, 0, 0];
  for (const name of model.linears) {
    const [out = 0, into = 0] = model.weightShapes.get(`${name}.weight`) ?? [];
    outputs += out;
    linear += out * into;
    largest = Math.max(largest, out * into);
    if (targets.some((target) => name === target || name.endsWith(`.${target}`))) adapter += rank * (out + into);
  }
  const parameters = [...model.weightShapes.values()].reduce(
    (sum, shape) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  return { parameters, linear, largest, adapter, outputs, heads: model.heads * model.layers };
}

/** Largest chunk of logits that is in memory at a time: see step-cuts.ts. */
const HEAD_BYTES = 256 * 2 ** 20;
const LEAN_HEAD_BYTES = 9 * 2 ** 20;

export function stepMemory(shape: StepShape): StepMemory {
  const { model, sequences, length, lean, recompute, stateBytes, storedBytes, weightBits } = shape;
  const { parameters, linear, largest, adapter, outputs, heads } = sizesOf(shape);
  const tokens = sequences * length;
  // Parameters, gradients and copies of both; the optimizer's state comes on top.
  const trained = adapter * (4 * (lean ? 3.15 : 4.32) + stateBytes);
  // Lean sessions compute what is cheap again: a third of what the others keep.
  const keptActivations =
    4 * (lean ? 1.1 : 1.665) * tokens * (outputs + 2 * model.hiddenSize * model.layers) +
    4 * 0.89 * sequences * heads * length ** 2;
  if (lean) {
    const layerOutputs = outputs / model.layers + 2 * model.hiddenSize;
    // Stored in 16 bits, the head is decoded for as long as labels go through it.
    const head = storedBytes < 3 * parameters ? 4 * model.vocabSize * model.hiddenSize : 0;
    return {
      // 16-bit weights are decoded at each use, and so are rounded ones: codes, whole numbers and products of the largest.
      weights:
        weightBits === undefined
          ? storedBytes + head
          : storedBytes * (1 - linear / parameters) + head + (linear * weightBits) / 8 + 8 * largest,
      activations: recompute
        ? 4 * tokens * (1.75 * model.layers * model.hiddenSize + 1.385 * layerOutputs) +
          4 * 2.23 * sequences * (heads / model.layers) * length ** 2
        : keptActivations + 4.1 * Math.min(4 * tokens * model.vocabSize, LEAN_HEAD_BYTES),
      optimizer: trained,
      overhead: 132e6,
    };
  }
  return {
    weights: 2.33 * parameters * 4,
    activations: keptActivations + 4.1 * Math.min(4 * tokens * model.vocabSize, HEAD_BYTES),
    optimizer: trained,
    // A process takes 130 MB before its first weight; with larger models that is in the factor of the weights.
    overhead: Math.max(30e6, 130e6 - 0.33 * parameters * 4),
  };
}

/** Numbers in the adapter. */
export const adapterParameters = (shape: StepShape): number => sizesOf(shape).adapter;

/** Multiplications and additions that a micro-batch cannot do without: forward, and the gradients of activations. */
export function stepOperations(shape: StepShape): number {
  const { model, sequences, length, recompute } = shape;
  const { parameters, adapter, heads } = sizesOf(shape);
  const tokens = sequences * length;
  const attention = 6 * sequences * heads * model.headDim * length ** 2;
  return (recompute ? 1.3 : 1) * (4 * parameters * tokens + 6 * adapter * tokens + attention);
}
