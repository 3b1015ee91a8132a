// What a run on the processor takes of memory at its peak, by what it is for: from the very graphs that it would run,
// replayed without their numbers on a double of ONNX Runtime's arena. Held to measured peaks by
// test/training/memory-grid.test.ts. Other devices are device-memory.ts's.
import type { Model } from '../engine/models/model.ts';
import { Arena } from '../engine/runtime/arena.ts';
import { evaluationGraph, gradientGraph, type StepSettings } from './build-step.ts';
import { bindingsOf, graphSummary, type GraphSummary, inputBytes, summaryOf } from './graph-summary.ts';
import type { BatchShape } from './largest-batch.ts';
import { replayTrace } from './replay-trace.ts';

export type RunShape = {
  model: Model;
  step: StepSettings;
  memory: 'fast' | 'lean';
  /** As the runtime calls it: cpu, webgpu, cuda, dml, coreml. */
  device: string;
  batch: BatchShape;
  /** Of evaluations, or of asking the reference; undefined where there are none. */
  evaluationBatch: BatchShape | undefined;
  /** Bytes of optimizer state for each trained parameter. */
  stateBytes: number;
  /** The optimizer is AdamW as it stands in the paper, which runs where the parameters are. */
  isPlainAdamW: boolean;
  /** Of a step. */
  microBatches: number;
  /** Of the file that the tokenizer is read from. */
  tokenizerBytes: number;
  /** Of what is kept of the data. */
  dataBytes: number;
  /** Tokens of a sample prompt and its answer; 0 where none are asked. */
  sampledTokens: number;
};

/** Bytes, by what they are for. */
export type StepMemory = { weights: number; activations: number; optimizer: number; overhead: number };

/** `structure` names what the graph follows from, the same for equal graphs. */
export function stepMemory(shape: RunShape, structure?: string): StepMemory {
  const { model, memory, batch, evaluationBatch, stateBytes, sampledTokens } = shape;
  const training = summaryOf(structure === undefined ? undefined : `step ${structure}`, () => {
    const { graph, parameters } = gradientGraph(shape.model, shape.step);
    return graphSummary(graph, parameters, { isFolded: memory === 'fast', isPacked: memory === 'fast' });
  });
  const evaluation =
    evaluationBatch &&
    summaryOf(structure === undefined ? undefined : `evaluation ${structure}`, () =>
      // Its session is a lean one in any case: see stepper.ts.
      graphSummary(evaluationGraph(shape.model, shape.step), [], { isFolded: false, isPacked: false }),
    );
  const adapter = 4 * sum(training.parameters);
  const inputs = sum(inputBytes(training.madeInputs, bindingsOf(shape.step, batch)));
  const arena = arenaBytes(training, shape.step, batch);
  const evaluating = evaluation ? arenaBytes(evaluation, shape.step, evaluationBatch) : 0;
  const weightsInSteps = training.weights.packed + training.weights.mappedInSteps;
  // Each session maps the files for itself, and what both have read counts twice.
  // Answers look up few rows.
  const samplers = sampledTokens > 0 ? training.weights.mapped - training.weights.tables : 0;
  const weightsOfOthers = (evaluation?.weights.mapped ?? 0) + samplers;
  // Keys and values of an answer, as they were and with one token more.
  const sampling = 2 * sampledTokens * 2 * 4 * model.layers * model.kvHeads * model.headDim;
  const optimizer = adapter * (1 + copies[memory]) + (stateBytes * adapter) / 4;
  const activations = arena + inputs * (memory === 'fast' ? 2 : 1) + evaluating + sampling;
  // Before its first step a session holds both the files' weights and the kernels' copies.
  const loading = training.weights.packed + training.weights.mapped;
  const weights = weightsInSteps + weightsOfOthers;
  return {
    weights: Math.max(weights, loading - activations - optimizer),
    activations,
    optimizer,
    overhead: overheadBytes(shape),
  };
}

/** Of a job's process, whatever the device. */
export function overheadBytes(shape: RunShape): number {
  return (
    processBytes[shape.memory] +
    (isRounded(shape.step) ? ROUNDING_BYTES : 0) +
    (shape.sampledTokens > 0 ? SESSION_BYTES : 0) +
    tokenizerFactor * shape.tokenizerBytes +
    shape.dataBytes
  );
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

/** What the arena has touched after a run of the graph. */
function arenaBytes({ trace }: GraphSummary, step: StepSettings, batch: BatchShape): number {
  const arena = new Arena();
  replayTrace(trace, bindingsOf(step, batch), arena);
  return arena.residentBytes;
}

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
