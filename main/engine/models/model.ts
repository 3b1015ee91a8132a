// What every model file provides, and what it is given to build itself with.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Linear } from '../nn/linear.ts';
import type { RopeTables } from '../nn/rope.ts';
import type { QueryBlock } from '../nn/visibility.ts';
import type { Weights } from '../nn/weights.ts';

export type BuildContext = {
  g: GraphBuilder;
  weights: Weights;
  linear: Linear;
  /** RoPE tables that reach the longest position of the graph. */
  rope: RopeTables;
  /** Builds one layer; recomputation wraps it here. */
  layer(name: string, x: Tensor, build: (x: Tensor) => Tensor): Tensor;
  /** The keys and values a layer attends to, given its new ones [batch, kvHeads, seq, headDim]; a cache extends them. */
  keysAndValues(layer: number, keys: Tensor, values: Tensor): { keys: Tensor; values: Tensor };
};

export type ModelInputs = {
  /** int32 [batch, seq] */
  inputIds: Tensor;
  /** int64 [batch * seq, 1] */
  positionIds: Tensor;
  /** Which tokens see which. */
  visibility: readonly QueryBlock[];
};

/** A model of one checkpoint: its sizes, its tensors and its graph. */
export type Model = {
  modelType: string;
  vocabSize: number;
  layers: number;
  hiddenSize: number;
  kvHeads: number;
  headDim: number;
  /** Positions that the checkpoint was made for. */
  maxPositions: number;
  /** Every tensor the checkpoint must hold, with its shape. */
  weightShapes: ReadonlyMap<string, readonly number[]>;
  /** Names of the linear layers that LoRA may adapt, without the head. */
  linears: readonly string[];
  /** What PEFT adapts when no lora_target_modules are given. */
  defaultLoraTargets: readonly string[];
  /** The tensor that turns hidden states into logits, [vocab, hidden]. */
  headWeight: string;
  rope(g: GraphBuilder, maxPositions: number): RopeTables;
  /** Hidden states after the last layer, before the final norm: [batch * seq, hidden]. */
  hiddenStates(context: BuildContext, inputs: ModelInputs): Tensor;
  /** The final norm, for the rows that need logits: [rows, hidden]. */
  finalNorm(context: Pick<BuildContext, 'g' | 'weights'>, rows: Tensor): Tensor;
};
