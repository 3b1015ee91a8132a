// What the memory of a graph's runs follows from, whatever the batch: its trace, and how it reads weights and inputs.
import { type Dim, type DimBindings, evaluateDim } from '../engine/graph/dims.ts';
import { dtypeBytes, type MemoryTrace, memoryTrace } from '../engine/graph/memory-trace.ts';
import type { Graph, Tensor } from '../engine/graph/tensor.ts';
import { gradientName, type ParameterSpec, type StepSettings } from './build-step.ts';
import type { BatchShape } from './largest-batch.ts';

export type GraphSummary = {
  trace: MemoryTrace;
  weights: WeightUse;
  /** Numbers of each. */
  parameters: readonly number[];
  /** What comes with every batch, and of it what the host makes for itself: masks and noise. */
  batchInputs: readonly InputSize[];
  madeInputs: readonly InputSize[];
  /** Bytes of each input that no batch changes. */
  fixedInputs: readonly number[];
};
type InputSize = { shape: readonly Dim[]; bytes: number };
export type WeightUse = {
  /** Copies that the matrix kernels keep, in the order of their liking. */
  packed: number;
  /** Of the files: all that is read, and what is still read once the copies are made. */
  mapped: number;
  mappedInSteps: number;
  /** Of what follows from them alone and is read in steps, where it is computed once. */
  folded: number;
  /** Of `mapped`, tables that are only looked up in. */
  tables: number;
};

/** A summary depends on everything but the size of batches: the same settings again are looked up. */
const summaries = new Map<string, GraphSummary>();
const KEPT_SUMMARIES = 24;

/** `key`: the same for equal graphs that are read in the same way. */
export function summaryOf(key: string | undefined, make: () => GraphSummary): GraphSummary {
  const known = key === undefined ? undefined : summaries.get(key);
  const found = known ?? make();
  if (key === undefined) return found;
  // The last used is the last to go.
  summaries.delete(key);
  summaries.set(key, found);
  for (const old of [...summaries.keys()].slice(0, -KEPT_SUMMARIES)) summaries.delete(old);
  return found;
}

/** `isFolded`: what follows from weights alone is computed once. `isPacked`: products keep copies of weights. */
export function graphSummary(
  graph: Graph,
  parameters: readonly ParameterSpec[],
  { isFolded, isPacked }: { isFolded: boolean; isPacked: boolean },
): GraphSummary {
  const changing = new Set(parameters.flatMap(({ name }) => [name, gradientName(name).before]));
  const inputs = graph.inputs.filter(({ name }) => !changing.has(name));
  const isFixed = ({ shape }: Tensor): boolean => shape.every((dim) => typeof dim === 'number');
  const size = ({ shape, dtype }: Tensor): InputSize => ({ shape, bytes: dtypeBytes[dtype] });
  const ofBatch = inputs.filter((input) => !isFixed(input));
  return {
    trace: memoryTrace(graph, { isFolded }),
    weights: weightUse(graph, isPacked),
    parameters: parameters.map(({ shape }) => elements(shape)),
    batchInputs: ofBatch.map(size),
    madeInputs: ofBatch.filter(({ dtype, name }) => dtype === 'bool' || name === 'neftune_noise').map(size),
    fixedInputs: inputs.filter(isFixed).map(({ shape, dtype }) => dtypeBytes[dtype] * elements(shape.map(Number))),
  };
}

function weightUse(graph: Graph, packs: boolean): WeightUse {
  let packed = 0;
  const packings = new Set<string>();
  const folded = new Map<string, number>();
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
      folded.set(originOf(input), dtypeBytes[input.dtype] * elements(input.shape.map(Number)));
      const isPacked = packs && isProduct && i === 1;
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
  return { packed, mapped, mappedInSteps, folded: [...folded.values()].reduce((a, b) => a + b, 0), tables };
}

/** The same for frozen tensors of the same values. */
function originOf({ source, name }: Tensor): string {
  if (source.kind !== 'node') return name;
  return `${source.node.op}(${JSON.stringify(source.node.attributes)} ${source.node.inputs.map(originOf).join()})`;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Bytes of each of these inputs of a batch. */
export function inputBytes(inputs: readonly InputSize[], bindings: DimBindings): number[] {
  return inputs.map(({ shape, bytes }) =>
    shape.reduce<number>((product, dim) => product * evaluateDim(dim, bindings), bytes),
  );
}

/** The named sizes of a batch, as stepper.ts feeds them. */
export function bindingsOf(
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
