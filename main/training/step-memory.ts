// What a run takes of memory at its peak, by what it is for: from the very graphs that it would run, replayed without
// their numbers on a double of ONNX Runtime's arena. Held to measured peaks by test/training/memory-grid.test.ts.
import { type Dim, type DimBindings, evaluateDim } from '../engine/graph/dims.ts';
import { dtypeBytes, type MemoryTrace, memoryTrace } from '../engine/graph/memory-trace.ts';
import type { Graph, Tensor } from '../engine/graph/tensor.ts';
import type { Model } from '../engine/models/model.ts';
import { Arena } from '../engine/runtime/arena.ts';
import type { BatchShape } from './largest-batch.ts';
import { evaluationGraph, gradientGraph, type ParameterSpec, type StepSettings } from './build-step.ts';

export type RunShape = {
  model: Model;
  step: StepSettings;
  memory: 'fast' | 'lean';
  batch: BatchShape;
  /** Of evaluations, or of asking the reference; undefined where there are none. */
  evaluationBatch: BatchShape | undefined;
  /** Bytes of optimizer state for each trained parameter. */
  stateBytes: number;
  /** Of the file that the tokenizer is read from. */
  tokenizerBytes: number;
  /** Of what is kept of the data. */
  dataBytes: number;
  /** Tokens of a sample prompt and its answer; 0 where none are asked. */
  sampledTokens: number;
};

/** Bytes, by what they are for. */
export type StepMemory = { weights: number; activations: number; optimizer: number; overhead: number };

/** What of a graph does not depend on the batch. */
type Summary = {
  trace: MemoryTrace;
  weights: WeightUse;
  parameters: number;
  /** What the host makes for every batch: masks and noise. */
  inputs: readonly { shape: readonly Dim[]; bytes: number }[];
};
type WeightUse = {
  /** Copies that the matrix kernels keep, in the order of their liking. */
  packed: number;
  /** Of the files: all that is read, and what is still read once the copies are made. */
  mapped: number;
  mappedInSteps: number;
  /** Of `mapped`, tables that are only looked up in. */
  tables: number;
};

/** A summary depends on everything but the size of batches: the same settings again are looked up. */
const summaries = new Map<string, Summary>();
const KEPT_SUMMARIES = 24;

/** `structure` names what the graph follows from, the same for equal graphs. */
export function stepMemory(shape: RunShape, structure?: string): StepMemory {
  const { model, memory, batch, evaluationBatch, stateBytes, tokenizerBytes, dataBytes, sampledTokens } = shape;
  const training = summaryOf(structure === undefined ? undefined : `step ${structure}`, () => {
    const { graph, parameters } = gradientGraph(shape.model, shape.step);
    return summary(graph, parameters, memory);
  });
  const evaluation =
    evaluationBatch &&
    summaryOf(structure === undefined ? undefined : `evaluation ${structure}`, () =>
      // Its session is a lean one in any case: see stepper.ts.
      summary(evaluationGraph(shape.model, shape.step), [], 'lean'),
    );
  const adapter = 4 * training.parameters;
  const inputs = inputBytes(training, shape.step, batch);
  const arena = arenaBytes(training, shape.step, batch);
  const evaluating = evaluation ? arenaBytes(evaluation, shape.step, evaluationBatch) : 0;
  const weightsInSteps = training.weights.packed + training.weights.mappedInSteps;
  // Each session maps the files for itself, and what both have read counts twice.
  // Answers look up few rows.
  const samplers = sampledTokens > 0 ? training.weights.mapped - training.weights.tables : 0;
  const weightsOfOthers = (evaluation?.weights.mapped ?? 0) + samplers;
  // Keys and values of an answer, as they were and with one token more.
  const sampling = 2 * sampledTokens * 2 * 4 * model.layers * model.kvHeads * model.headDim;
  const optimizer = adapter * (1 + copies[memory]) + stateBytes * training.parameters;
  const activations = arena + inputs * (memory === 'fast' ? 2 : 1) + evaluating + sampling;
  // Before its first step a session holds both the files' weights and the kernels' copies.
  const loading = training.weights.packed + training.weights.mapped;
  const weights = weightsInSteps + weightsOfOthers;
  return {
    weights: Math.max(weights, loading - activations - optimizer),
    activations,
    optimizer,
    overhead:
      processBytes[memory] +
      (isRounded(shape.step) ? ROUNDING_BYTES : 0) +
      (sampledTokens > 0 ? SESSION_BYTES : 0) +
      tokenizerFactor * tokenizerBytes +
      dataBytes,
  };
}

/** Of gradients: what ONNX Runtime hands out, and what V8 has not noticed to be garbage yet. */
const copies = { fast: 1.9, lean: 1.2 };
/** Node, ONNX Runtime, and what they keep of a graph. */
const processBytes = { fast: 200e6, lean: 130e6 };
/** What rounding a model leaves behind. */
const ROUNDING_BYTES = 20e6;
/** One more session, for sample prompts. */
const SESSION_BYTES = 30e6;
/** What a tokenizer takes for each byte of its file. */
const tokenizerFactor = 20;

function isRounded({ trained }: StepSettings): boolean {
  return trained.kind === 'lora' && [...trained.stored.values()].some((weight) => 'codes' in weight);
}

function summaryOf(key: string | undefined, make: () => Summary): Summary {
  const known = key === undefined ? undefined : summaries.get(key);
  const found = known ?? make();
  if (key === undefined) return found;
  // The last used is the last to go.
  summaries.delete(key);
  summaries.set(key, found);
  for (const old of [...summaries.keys()].slice(0, -KEPT_SUMMARIES)) summaries.delete(old);
  return found;
}

function summary(graph: Graph, parameters: readonly ParameterSpec[], memory: 'fast' | 'lean'): Summary {
  return {
    trace: memoryTrace(graph, { isFolded: memory === 'fast' }),
    weights: weightUse(graph, memory),
    parameters: parameters.reduce((sum, { shape }) => sum + elements(shape), 0),
    inputs: graph.inputs
      .filter(({ dtype, name }) => dtype === 'bool' || name === 'neftune_noise')
      .map(({ shape, dtype }) => ({ shape, bytes: dtypeBytes[dtype] })),
  };
}

function weightUse(graph: Graph, memory: 'fast' | 'lean'): WeightUse {
  let packed = 0;
  const packings = new Set<string>();
  const read = new Map<Tensor, boolean>();
  const multiplied = new Set<Tensor>();
  const note = (tensor: Tensor, use: { isPacked: boolean; isLookUp: boolean }): void => {
    if (tensor.source.kind === 'node') for (const input of tensor.source.node.inputs) note(input, use);
    if (tensor.source.kind !== 'weight') return;
    read.set(tensor, (read.get(tensor) ?? false) || !use.isPacked);
    if (!use.isLookUp) multiplied.add(tensor);
  };
  for (const node of graph.nodes) {
    if (node.op === 'CustomGradient' || node.output.isFrozen) continue;
    const isProduct = node.op === 'Gemm' || node.op === 'MatMul';
    for (const [i, input] of node.inputs.entries()) {
      if (!input.isFrozen) continue;
      const isPacked = memory === 'fast' && isProduct && i === 1;
      // Kernels that pack the same in the same way share the copy.
      const packing = `${node.op} ${JSON.stringify(node.attributes)} ${originOf(input)}`;
      if (isPacked && !packings.has(packing)) {
        packings.add(packing);
        packed += 4 * elements(input.shape.map(Number));
      }
      // Of a table that is only looked up in, pages come in around each row: in a while, all of them.
      note(input, { isPacked, isLookUp: node.op === 'Gather' });
    }
  }
  let [mapped, mappedInSteps, tables] = [0, 0, 0];
  for (const [tensor, isReadInSteps] of read) {
    const bytes = Math.ceil(dtypeBytes[tensor.dtype] * elements(tensor.shape.map(Number)));
    mapped += bytes;
    if (isReadInSteps) mappedInSteps += bytes;
    if (!multiplied.has(tensor)) tables += bytes;
  }
  return { packed, mapped, mappedInSteps, tables };
}

/** The same for frozen tensors of the same values. */
function originOf({ source, name }: Tensor): string {
  if (source.kind !== 'node') return name;
  return `${source.node.op}(${JSON.stringify(source.node.attributes)} ${source.node.inputs.map(originOf).join()})`;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** What the arena has touched after a run of the graph. */
function arenaBytes({ trace }: Summary, step: StepSettings, batch: BatchShape): number {
  const bindings = bindingsOf(step, batch);
  const sizes = trace.buffers.map((bytes) => Math.ceil(evaluateDim(bytes, bindings)));
  const arena = new Arena();
  const blocks = new Map<number, ReturnType<Arena['allocate']>>();
  for (const { take, workspaceBytes, give } of trace.steps) {
    for (const id of take) blocks.set(id, arena.allocate(sizes[id] ?? 0));
    const workspace = evaluateDim(workspaceBytes, bindings);
    if (workspace > 0) arena.free(arena.allocate(workspace));
    for (const id of give) {
      const block = blocks.get(id);
      if (block) arena.free(block);
    }
  }
  return arena.residentBytes;
}

function inputBytes({ inputs }: Summary, step: StepSettings, batch: BatchShape): number {
  const bindings = bindingsOf(step, batch);
  return inputs.reduce(
    (sum, { shape, bytes }) =>
      sum + shape.reduce<number>((product, dim) => product * evaluateDim(dim, bindings), bytes),
    0,
  );
}

/** The named sizes of a batch, as stepper.ts feeds them. */
function bindingsOf(
  { queryBlocks, headChunks }: StepSettings,
  { rows, length, labels, pairs }: BatchShape,
): DimBindings {
  const perChunk = Math.ceil(labels / headChunks);
  const chunks = Array.from({ length: headChunks }, (_, chunk): [string, number] => [
    `labels${chunk}`,
    Math.max(1, Math.min(perChunk, labels - chunk * perChunk)),
  ]);
  return {
    batch: rows,
    block: Math.ceil(length / queryBlocks),
    sequences: 1,
    pairs,
    ...Object.fromEntries(chunks),
  };
}
