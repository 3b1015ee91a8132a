// What every model file provides, and what it is given to build itself with.
import type { GraphBuilder } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Head } from '../nn/head.ts';
import type { Linear } from '../nn/linear.ts';
import type { Visibility } from '../nn/visibility.ts';
import type { Weights } from '../nn/weights.ts';

export type BuildContext = {
  g: GraphBuilder;
  weights: Weights;
  linear: Linear;
  /** What becomes of the embeddings [batch, seq, hidden] as transformers' embedding layer gives them: noise, or nothing. */
  embedded(embeddings: Tensor): Tensor;
  /** Positions that the graph can meet. */
  maxPositions: number;
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
  /** The same for arithmetic: float32 [batch, seq]. */
  positions: Tensor;
  /** Which tokens see which. */
  visibility: Visibility;
};

/** A model of one checkpoint: its sizes, its tensors and its graph. */
export type Model = {
  modelType: string;
  vocabSize: number;
  layers: number;
  hiddenSize: number;
  /** Query heads of a layer. */
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Positions that the checkpoint was made for. */
  maxPositions: number;
  /** The position from which on the whole text is read with other RoPE frequencies, where there is one (LongRoPE). */
  ropeSwitch: number | undefined;
  /** Every tensor the checkpoint must hold, with its shape. */
  weightShapes: ReadonlyMap<string, readonly number[]>;
  /** Names of the linear layers that LoRA may adapt, without the head. */
  linears: readonly string[];
  /** What PEFT adapts when no lora_target_modules are given. */
  defaultLoraTargets: readonly string[];
  /** The head is the embedding: the checkpoint has no tensor of its own for it. */
  isTied: boolean;
  /** From hidden states to logits. */
  head: Head;
  /** Hidden states after the last layer, before the final norm: [batch * seq, hidden]. */
  hiddenStates(context: BuildContext, inputs: ModelInputs): Tensor;
  /** What the head multiplies, for the rows that need logits: the final norm and its like. [rows, hidden] */
  finalNorm(context: Pick<BuildContext, 'g' | 'weights'>, rows: Tensor): Tensor;
};
