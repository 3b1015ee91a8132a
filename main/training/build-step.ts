// Puts the pieces of the engine together: the graphs of one micro-batch (loss and gradients) and of an evaluation batch.
// What runs them is stepper.ts.
import { checkpoint } from '../engine/autodiff/checkpoint.ts';
import { gradients } from '../engine/autodiff/gradients.ts';
import { autocast, type AutocastSettings } from '../engine/graph/autocast.ts';
import { GraphBuilder } from '../engine/graph/builder.ts';
import { addDims, type Dim, multiplyDims, symbol } from '../engine/graph/dims.ts';
import { type CompiledGraph, toOnnx } from '../engine/graph/onnx.ts';
import type { Graph, Tensor } from '../engine/graph/tensor.ts';
import { type LabelScores, labelScores } from '../engine/losses/label-scores.ts';
import type { Objective } from '../engine/losses/objective.ts';
import type { Model } from '../engine/models/model.ts';
import { linear } from '../engine/nn/linear.ts';
import { type LoraSettings, withLora } from '../engine/nn/lora.ts';
import { blockVisibility } from '../engine/nn/visibility.ts';
import { decodedOnce, frozenWeights, type StoredWeight, trainableWeights, type Weights } from '../engine/nn/weights.ts';

/** What is trained: a LoRA beside frozen weights, or every weight of a model made from nothing. */
export type Trained = { kind: 'lora'; lora: LoraSettings; stored: ReadonlyMap<string, StoredWeight> } | { kind: 'all' };

export type StepSettings = {
  trained: Trained;
  objective: Objective;
  /** Recompute each layer in the backward pass instead of keeping its inside. */
  recompute: boolean;
  /** Recompute what takes hardly any time in any case. Only for lean sessions: others merge it with the first time. */
  recomputeCheap?: boolean;
  /** Parts in which the labelled rows go through the head, one after the other. */
  headChunks: number;
  /** Noise on the embeddings (NEFTune: Jain et al. 2023, arXiv:2310.05914); 0 for none. */
  neftuneAlpha: number;
  /** Blocks into which attention cuts the queries of a row; batches are padded to a multiple of it. */
  queryBlocks: number;
  /** Longest row of the data. */
  maxPositions: number;
  /** Frozen weights are inputs of the graphs: see frozenWeights. */
  weightsAreFed?: boolean;
  /** Compute products in 16 bits; in float32 where absent. */
  autocast?: AutocastSettings | undefined;
};

/** Names of a batch's inputs; label inputs carry the number of their head chunk. */
export const batchInputs = {
  inputIds: 'input_ids', // int32 [batch, seq]
  positionIds: 'position_ids', // int64 [batch * seq, 1]
  positions: 'positions', // float32 [batch, seq], the same: WebGPU does no arithmetic with int64
  visibleUntil: 'visible_until', // int32 [batch, seq]
  tokenIndex: 'token_index', // int32 [queryBlocks, seq / queryBlocks], 0 1 2 ...
  labelRows: (chunk: number) => `label_rows.${chunk}`, // int32 [labels]
  labelIds: (chunk: number) => `label_ids.${chunk}`, // int32 [labels]
  membership: 'membership', // float32 [sequences, labels of all chunks]
  labelDiscounts: 'label_discounts', // float32 [labels of all chunks], where the objective discounts
  lossScale: 'loss_scale', // float32 []
  neftuneNoise: 'neftune_noise', // float32 [batch, seq, hidden], where neftuneAlpha is above 0
  zero: 'zero', // float32 [], always 0
} as const;

/** What float16 can hold of the probability of a rare token begins at 6e-8, with one digit; this brings it to 4e-12. */
const PROBABILITY_SCALE = 2 ** 14;

/** Scaled loss of one micro-batch; float32 []. */
export const lossOutput = 'loss';
/** Sums over the labels of each sequence, float32 [sequences, scoreColumns or one less]. */
export const scoresOutput = 'scores';
/** Columns of the scores; the last only where the objective asks for it. */
export const scoreColumns = { nll: 0, hits: 1, entropy: 2, meanLogit: 3 } as const;

/** The accumulated gradient of a parameter: read under this name, and written with the micro-batch added. */
export function gradientName(parameter: string): { before: string; after: string } {
  return { before: `gradient_before:${parameter}`, after: `gradient:${parameter}` };
}

export type ParameterSpec = { name: string; shape: readonly number[] };
export type GradientGraph = { graph: CompiledGraph; parameters: readonly ParameterSpec[] };

/** Loss, scores and accumulated gradients of a micro-batch. */
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
  const { loss, scores } = buildLoss(g, model, settings, true);
  const parameters = g.parameters;
  const found = gradients(g, new Map([[loss, g.scalar(1)]]), parameters, { recomputeCheap: settings.recomputeCheap });
  const outputs = parameters.map((parameter) => {
    const gradient = found.get(parameter);
    if (!gradient) throw new Error(`no gradient reaches ${parameter.name}`);
    const names = gradientName(parameter.name);
    const before = g.input(names.before, 'float32', parameter.shape);
    return { name: names.after, tensor: g.add(before, gradient) };
  });
  const graph = finish(g, settings, 'gradients', [
    { name: scoresOutput, tensor: scores },
    { name: lossOutput, tensor: loss },
    // ONNX Runtime walks back from the last output: the layers' gradients in backward order free memory soonest.
    ...outputs.reverse(),
  ]);
  return { graph, parameters: parameters.map(({ name, shape }) => ({ name, shape: shape.map(Number) })) };
}

/** Loss and scores of an evaluation batch; dropout is off. */
export function buildEvaluationGraph(model: Model, settings: StepSettings): CompiledGraph {
  return toOnnx(evaluationGraph(model, settings));
}

/** The same, before it is written as ONNX. */
export function evaluationGraph(model: Model, settings: StepSettings): Graph {
  const g = new GraphBuilder();
  const { trained } = settings;
  const still: Trained = trained.kind === 'lora' ? { ...trained, lora: { ...trained.lora, dropout: 0 } } : trained;
  const quiet = { ...settings, trained: still, neftuneAlpha: 0, recompute: false };
  const { loss, scores } = buildLoss(g, model, quiet, false);
  return finish(g, settings, 'evaluation', [
    { name: scoresOutput, tensor: scores },
    { name: lossOutput, tensor: loss },
  ]);
}

function finish(
  g: GraphBuilder,
  settings: Pick<StepSettings, 'autocast'>,
  name: string,
  outputs: Parameters<GraphBuilder['finish']>[1],
): Graph {
  const graph = g.finish(name, outputs);
  return settings.autocast ? autocast(graph, settings.autocast) : graph;
}

function buildLoss(
  g: GraphBuilder,
  model: Model,
  settings: StepSettings,
  differentiable: boolean,
): { loss: Tensor; scores: Tensor } {
  const { trained, objective, recompute, headChunks, neftuneAlpha, queryBlocks, maxPositions } = settings;
  const [batch, block] = [symbol('batch'), symbol('block')];
  const seq = multiplyDims(queryBlocks, block);
  const tokenIndex = g.input(batchInputs.tokenIndex, 'int32', [queryBlocks, block]);
  const inputIds = g.input(batchInputs.inputIds, 'int32', [batch, seq]);
  const positionIds = g.input(batchInputs.positionIds, 'int64', [multiplyDims(batch, seq), 1]);
  const positions = g.input(batchInputs.positions, 'float32', [batch, seq]);
  const inputs = {
    inputIds,
    positionIds,
    positions,
    visibility: blockVisibility(g, {
      tokenIndex,
      visibleUntil: g.input(batchInputs.visibleUntil, 'int32', [batch, seq]),
      positions,
    }),
  };
  const weights: Weights =
    trained.kind === 'lora'
      ? frozenWeights(g, trained.stored, {
          fed: settings.weightsAreFed ?? false,
          fusesFourBit: settings.autocast === undefined,
        })
      : trainableWeights(g, model.weightShapes);
  const plain = linear(g, weights);
  const zero = g.input(batchInputs.zero, 'float32', []);
  const noise =
    neftuneAlpha > 0 ? g.input(batchInputs.neftuneNoise, 'float32', [batch, seq, model.hiddenSize]) : undefined;
  const context = {
    g,
    weights,
    embedded: (embeddings: Tensor) => (noise ? g.add(embeddings, noise) : embeddings),
    linear: trained.kind === 'lora' ? withLora(g, weights, trained.lora)(plain) : plain,
    maxPositions,
    layer: (name: string, x: Tensor, build: (x: Tensor) => Tensor) =>
      g.scope(name, () => (recompute ? checkpoint(g, zero, [x], ([y = x]) => build(y)) : build(x))),
    keysAndValues: (_: number, keys: Tensor, values: Tensor) => ({ keys, values }),
  };
  const hidden = model.hiddenStates(context, inputs);
  // Stored in 16 bits, the head would be decoded for every chunk of it, and all of these copies at once.
  const weightsOfHead = decodedOnce(g, weights, model.head.weight);
  const chunks: LabelScores[] = [];
  let labels: Dim = 0;
  for (let chunk = 0; chunk < headChunks; chunk++) {
    const before = chunks.at(-1);
    const count = symbol(`labels${chunk}`);
    labels = addDims(labels, count);
    const scores = g.scope(`head.${chunk}`, () => {
      const rows = g.gather(hidden, g.input(batchInputs.labelRows(chunk), 'int32', [count]));
      const inputs = {
        // Adding the 0 of the chunk before makes this one wait until that one has freed its logits.
        rows: model.finalNorm(context, before ? g.add(rows, before.done) : rows),
        labels: g.input(batchInputs.labelIds(chunk), 'int32', [count]),
        zero,
      };
      const { meanLogits, collisionEntropy } = objective;
      return labelScores(g, weightsOfHead, model.head, inputs, {
        differentiable,
        meanLogits,
        collisionEntropy,
        probabilityScale: settings.autocast?.format === 'float16' ? PROBABILITY_SCALE : 1,
      });
    });
    chunks.push(scores);
  }
  const all = (pick: (scores: LabelScores) => Tensor | undefined): Tensor[] => {
    const parts = chunks.map(pick).filter((part) => part !== undefined);
    return parts.length === 0 ? [] : [g.concat(parts, 0)];
  };
  const membership = g.input(batchInputs.membership, 'float32', [objective.sequences, labels]);
  const [nll] = all((scores) => scores.nll);
  if (!nll) throw new Error('a step needs a head chunk');
  const summed = (x: Tensor): Tensor => g.exact(() => g.matMul(membership, x));
  const plainSums = summed(nll); // [sequences, 1]
  const sums = objective.discounts
    ? summed(g.mul(nll, g.reshape(g.input(batchInputs.labelDiscounts, 'float32', [labels]), [labels, 1])))
    : plainSums;
  const logProbsOf = (nllSums: Tensor): Tensor => g.neg(g.reshape(nllSums, [objective.sequences]));
  const [collisionEntropy] = all((scores) => scores.collisionEntropy);
  const tokenSums = logProbsOf(plainSums);
  const inputsOfLoss = { nll, membership, logProbs: logProbsOf(sums), tokenSums, collisionEntropy };
  const loss = g.scope('objective', () => g.exact(() => objective.loss(g, inputsOfLoss)));
  const reported = [all((scores) => scores.hit), all((scores) => scores.entropy), all((scores) => scores.meanLogit)];
  return {
    loss: g.mul(loss, g.input(batchInputs.lossScale, 'float32', [])),
    scores: g.concat([sums, summed(g.concat(reported.flat(), 1))], 1),
  };
}
