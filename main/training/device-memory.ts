// What a run takes of memory where it trains on a device that has its own: there and on the host. The graphs are those
// that it would run, replayed on a double of what allocates there: buffers on WebGPU, an arena on CUDA and DirectML.
// docs/performance.md says what of it was measured.
import { type Block, Arena } from '../engine/runtime/arena.ts';
import { type GpuBuffer, GpuBuffers } from '../engine/runtime/gpu-buffers.ts';
import { evaluationGraph, gradientGraph, type StepSettings } from './build-step.ts';
import { bindingsOf, graphSummary, type GraphSummary, inputBytes, summaryOf } from './graph-summary.ts';
import { replayTrace } from './replay-trace.ts';
import { overheadBytes, type RunShape, type StepMemory, stepMemory, sum } from './step-memory.ts';

/** Null where the device is the host, or shares its memory. */
export type RunMemory = { host: StepMemory; device: StepMemory | null };

/** `structure` names what the graphs follow from, the same for equal graphs. */
export function runMemory(shape: RunShape, structure?: string): RunMemory {
  const graphs = (step: StepSettings, isFolded: boolean): Graphs => graphsOf(shape, { step, isFolded }, structure);
  switch (shape.device) {
    case 'webgpu':
      return withBuffers(shape, graphs({ ...shape.step, weightsAreFed: true }, false));
    case 'cuda':
    case 'dml':
      return withArena(shape, graphs(shape.step, shape.memory === 'fast'));
    default:
      return { host: stepMemory(shape, structure), device: null };
  }
}

type Graphs = { training: GraphSummary; evaluation: GraphSummary | undefined };

function graphsOf(
  shape: RunShape,
  { step, isFolded }: { step: StepSettings; isFolded: boolean },
  structure: string | undefined,
): Graphs {
  const key = (name: string): string | undefined =>
    structure === undefined ? undefined : `${name} on ${shape.device} ${structure}`;
  return {
    training: summaryOf(key('step'), () => {
      const { graph, parameters } = gradientGraph(shape.model, step);
      return graphSummary(graph, parameters, { isFolded, isPacked: false });
    }),
    evaluation:
      shape.evaluationBatch &&
      summaryOf(key('evaluation'), () =>
        graphSummary(evaluationGraph(shape.model, step), [], { isFolded: false, isPacked: false }),
      ),
  };
}

/** WebGPU: weights, parameters, gradients and the optimizer's state stay in buffers from step to step. */
function withBuffers(shape: RunShape, { training, evaluation }: Graphs): RunMemory {
  const buffers = new GpuBuffers();
  const put = (sizes: readonly number[]): GpuBuffer[] => sizes.map((bytes) => buffers.allocate(bytes));
  const drop = (blocks: readonly GpuBuffer[]): void => blocks.forEach((block) => buffers.free(block));
  const bindings = bindingsOf(shape.step, shape.batch);

  put(training.fixedInputs);
  // What is not fed lies in the files, and each graph has its own.
  const weights = buffers.heldBytes + training.weights.mapped + (evaluation?.weights.mapped ?? 0);
  const parameters = training.parameters.map((count) => 4 * count);
  const kinds = shape.isPlainAdamW ? [1, 2, 3] : [1];
  let states = kinds.flatMap(() => put(parameters));
  let gradients: GpuBuffer[] = [];
  const microBatch = (): void => {
    const inputs = put(inputBytes(training.batchInputs, bindings));
    const outputs = replayTrace(training.trace, bindings, buffers);
    drop([...inputs, ...gradients]);
    gradients = outputs;
    buffers.finish();
  };
  const steps = 2;
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < Math.min(2, shape.microBatches); i++) microBatch();
    const moved = kinds.flatMap(() => put(parameters));
    drop([...states, ...gradients]);
    buffers.finish();
    states = moved;
    gradients = [];
  }
  if (evaluation && shape.evaluationBatch) {
    const evaluated = bindingsOf(shape.step, shape.evaluationBatch);
    drop([...put(inputBytes(evaluation.batchInputs, evaluated)), ...replayTrace(evaluation.trace, evaluated, buffers)]);
    buffers.finish();
  }
  const optimizer = sum(states.map(({ bytes }) => bytes)) + sum(parameters);
  const files = training.weights.mapped + (evaluation?.weights.mapped ?? 0);
  const largest = Math.max(0, ...training.fixedInputs);
  return {
    device: {
      weights,
      optimizer,
      activations: buffers.peakBytes + files - weights - optimizer,
      overhead: deviceOverhead.webgpu,
    },
    host: {
      // One weight after the other is read, and waits there on its way.
      weights: 3 * largest + training.weights.mapped,
      activations: 2 * sum(inputBytes(training.madeInputs, bindings)),
      // The home of parameters and state, which checkpoints are written from; others than AdamW work there.
      optimizer: sum(parameters) * (shape.isPlainAdamW ? 1 : 3) + (shape.stateBytes * sum(parameters)) / 4,
      overhead: overheadBytes(shape) + hostOverhead.webgpu,
    },
  };
}

/** CUDA and DirectML: weights lie there with the graph, everything that training changes travels with every micro-batch. */
function withArena(shape: RunShape, { training, evaluation }: Graphs): RunMemory {
  const { folded, mapped } = training.weights;
  const weights = (shape.memory === 'fast' ? folded : mapped) + (evaluation?.weights.mapped ?? 0);
  const parameters = training.parameters.map((count) => 4 * count);
  const arenaOf = (summary: GraphSummary, batch: RunShape['batch']): number => {
    const arena = new Arena();
    const bindings = bindingsOf(shape.step, batch);
    const changing = summary.parameters.flatMap((count) => [4 * count, 4 * count]);
    const inputs = [...summary.fixedInputs, ...changing, ...inputBytes(summary.batchInputs, bindings)];
    const held: Block[] = inputs.map((bytes) => arena.allocate(bytes));
    replayTrace(summary.trace, bindings, arena);
    for (const block of held) arena.free(block);
    return arena.reservedBytes;
  };
  const optimizer = 3 * sum(parameters);
  const activations =
    arenaOf(training, shape.batch) +
    (evaluation && shape.evaluationBatch ? arenaOf(evaluation, shape.evaluationBatch) : 0) -
    optimizer;
  const onHost = stepMemory(shape);
  const device = shape.device === 'dml' ? 'dml' : 'cuda';
  return {
    device: { weights, activations: Math.max(0, activations), optimizer, overhead: deviceOverhead[device] },
    host: {
      weights: Math.max(0, training.weights.mapped + (evaluation?.weights.mapped ?? 0)),
      activations: 2 * sum(inputBytes(training.madeInputs, bindingsOf(shape.step, shape.batch))),
      optimizer: onHost.optimizer,
      overhead: onHost.overhead + hostOverhead[device],
    },
  };
}

/** What the driver and the runtime keep for themselves. Of webgpu on the host: measured; the others are not. */
const deviceOverhead = { webgpu: 100e6, cuda: 600e6, dml: 200e6 };
const hostOverhead = { webgpu: 150e6, cuda: 800e6, dml: 300e6 };
