// Puts the pieces of the engine together: the graphs of one micro-batch (loss and gradients) and of an evaluation batch.
// What runs them is stepper.ts.
import { checkpoint } from '../engine/autodiff/checkpoint.ts';
import { gradients } from '../engine/autodiff/gradients.ts';
import { GraphBuilder } from '../engine/graph/builder.ts';
import { multiplyDims, symbol } from '../engine/graph/dims.ts';
import { type CompiledGraph, toOnnx } from '../engine/graph/onnx.ts';
import type { Graph, Tensor } from '../engine/graph/tensor.ts';
import { type CrossEntropy, crossEntropy } from '../engine/losses/cross-entropy.ts';
import type { Model } from '../engine/models/model.ts';
import { linear } from '../engine/nn/linear.ts';
import { type LoraSettings, withLora } from '../engine/nn/lora.ts';
import { blockVisibility } from '../engine/nn/visibility.ts';
import { frozenWeights, type StoredWeight, trainableWeights, type Weights } from '../engine/nn/weights.ts';

/** What is trained: a LoRA beside frozen weights, or every weight of a model made from nothing. */
export type Trained = { kind: 'lora'; lora: LoraSettings; stored: ReadonlyMap<string, StoredWeight> } | { kind: 'all' };

export type StepSettings = {
  trained: Trained;
  /** Recompute each layer in the backward pass instead of keeping its inside. */
  recompute: boolean;
  /** Parts in which the labelled rows go through the head, one after the other. */
  headChunks: number;
  /** Blocks into which attention cuts the queries of a row; batches are padded to a multiple of it. */
  queryBlocks: number;
  /** Longest row of the data. */
  maxPositions: number;
};

/** Names of a batch's inputs; label inputs carry the number of their head chunk. */
export const batchInputs = {
  inputIds: 'input_ids', // int32 [batch, seq]
  positionIds: 'position_ids', // int64 [batch, seq]
  visibleUntil: 'visible_until', // int32 [batch, seq]
  tokenIndex: 'token_index', // int32 [queryBlocks, seq / queryBlocks], 0 1 2 ...
  labelRows: (chunk: number) => `label_rows.${chunk}`, // int32 [labels]
  labelIds: (chunk: number) => `label_ids.${chunk}`, // int32 [labels]
  labelWeights: (chunk: number) => `label_weights.${chunk}`, // float32 [labels]
  zero: 'zero', // float32 [], always 0
} as const;

/** Loss of one micro-batch, summed with the label weights; float32 []. */
export const lossOutput = 'loss';
/** Labels that the model would have guessed; float32 []. */
export const correctOutput = 'correct';

/** The accumulated gradient of a parameter: read under this name, and written with the micro-batch added. */
export function gradientName(parameter: string): { before: string; after: string } {
  return { before: `gradient_before:${parameter}`, after: `gradient:${parameter}` };
}

export type ParameterSpec = { name: string; shape: readonly number[] };
export type GradientGraph = { graph: CompiledGraph; parameters: readonly ParameterSpec[] };

/** Loss, hits and accumulated gradients of a micro-batch. */
export function buildGradientGraph(model: Model, settings: StepSettings): GradientGraph {
  const { graph, parameters } = gradientGraph(model, settings);
  return { graph: toOnnx(graph), parameters };
}

/** The same, before it is written as ONNX: for printing and inspection. */
export function gradientGraph(
  model: Model,
  settings: StepSettings,
): { graph: Graph; parameters: readonly ParameterSpec[] } {
  const g = new GraphBuilder();
  const { loss, correct } = buildLoss(g, model, settings, true);
  const parameters = g.parameters;
  const found = gradients(g, new Map([[loss, g.scalar(1)]]), parameters);
  const outputs = parameters.map((parameter) => {
    const gradient = found.get(parameter);
    if (!gradient) throw new Error(`no gradient reaches ${parameter.name}`);
    const names = gradientName(parameter.name);
    const before = g.input(names.before, 'float32', parameter.shape);
    return { name: names.after, tensor: g.add(before, gradient) };
  });
  const graph = g.finish('gradients', [
    { name: correctOutput, tensor: correct },
    { name: lossOutput, tensor: loss },
    // ONNX Runtime walks back from the last output: the layers' gradients in backward order free memory soonest.
    ...outputs.reverse(),
  ]);
  return { graph, parameters: parameters.map(({ name, shape }) => ({ name, shape: shape.map(Number) })) };
}

/** Loss and hits of an evaluation batch; dropout is off. */
export function buildEvaluationGraph(model: Model, settings: StepSettings): CompiledGraph {
  const g = new GraphBuilder();
  const { trained } = settings;
  const quiet: Trained = trained.kind === 'lora' ? { ...trained, lora: { ...trained.lora, dropout: 0 } } : trained;
  const { loss, correct } = buildLoss(g, model, { ...settings, trained: quiet, recompute: false }, false);
  return toOnnx(
    g.finish('evaluation', [
      { name: correctOutput, tensor: correct },
      { name: lossOutput, tensor: loss },
    ]),
  );
}

function buildLoss(
  g: GraphBuilder,
  model: Model,
  settings: StepSettings,
  differentiable: boolean,
): { loss: Tensor; correct: Tensor } {
  const { trained, recompute, headChunks, queryBlocks, maxPositions } = settings;
  const [batch, block] = [symbol('batch'), symbol('block')];
  const seq = multiplyDims(queryBlocks, block);
  const tokenIndex = g.input(batchInputs.tokenIndex, 'int32', [queryBlocks, block]);
  const inputs = {
    inputIds: g.input(batchInputs.inputIds, 'int32', [batch, seq]),
    positionIds: g.input(batchInputs.positionIds, 'int64', [batch, seq]),
    visibility: blockVisibility(g, tokenIndex, g.input(batchInputs.visibleUntil, 'int32', [batch, seq])),
  };
  const weights: Weights =
    trained.kind === 'lora' ? frozenWeights(g, trained.stored) : trainableWeights(g, model.weightShapes);
  const plain = linear(g, weights);
  const zero = g.input(batchInputs.zero, 'float32', []);
  const context = {
    g,
    weights,
    linear: trained.kind === 'lora' ? withLora(g, weights, trained.lora)(plain) : plain,
    rope: model.rope(g, maxPositions),
    layer: (name: string, x: Tensor, build: (x: Tensor) => Tensor) =>
      g.scope(name, () => (recompute ? checkpoint(g, zero, [x], ([y = x]) => build(y)) : build(x))),
    keysAndValues: (_: number, keys: Tensor, values: Tensor) => ({ keys, values }),
  };
  const hidden = model.hiddenStates(context, inputs);
  const parts: CrossEntropy[] = [];
  for (let chunk = 0; chunk < headChunks; chunk++) {
    const before = parts.at(-1);
    const part = g.scope(`head.${chunk}`, () => {
      const labels = symbol(`labels${chunk}`);
      const rows = g.gather(hidden, g.input(batchInputs.labelRows(chunk), 'int32', [labels]));
      const inputs = {
        // Adding the 0 of the chunk before makes this one wait until that one has freed its logits.
        rows: model.finalNorm(context, before ? g.add(rows, before.done) : rows),
        labels: g.input(batchInputs.labelIds(chunk), 'int32', [labels]),
        labelWeights: g.input(batchInputs.labelWeights(chunk), 'float32', [labels]),
        zero,
      };
      return crossEntropy(g, weights, model.headWeight, inputs, differentiable);
    });
    parts.push(part);
  }
  const sum = (tensors: readonly Tensor[]): Tensor => tensors.reduce((a, b) => g.add(a, b));
  return { loss: sum(parts.map((part) => part.loss)), correct: sum(parts.map((part) => part.correct)) };
}
