// What a graph's run takes and gives back of memory, in order: ONNX Runtime's allocation plan (version 1.30, one stream,
// no memory pattern), with sizes that are filled in for each batch. Where blocks come to lie is runtime/arena.ts's.
import { type Dim, dimText, elementCount, multiplyDims, sameDim } from './dims.ts';
import { executionOrder } from './execution-order.ts';
import type { OpName } from './ops.ts';
import { type DType, type Graph, type GraphNode, type Tensor, valueOf } from './tensor.ts';

/** One node: takes buffers, uses more while it works, then gives back those that nobody reads any more. */
export type TraceStep = { take: readonly number[]; workspaceBytes: Dim; give: readonly number[] };
export type MemoryTrace = {
  steps: readonly TraceStep[];
  /** Bytes of each buffer. */
  buffers: readonly Dim[];
};

export const dtypeBytes: Readonly<Record<DType, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  uint32: 4,
  uint8: 1,
  int4: 0.5,
  bool: 1,
};

type Buffer = { id: number; uses: number; isOutput: boolean };

/** `isFolded`: what follows from weights alone is computed once, as the session is made. */
export function memoryTrace(graph: Graph, { isFolded }: { isFolded: boolean }): MemoryTrace {
  const order = executionOrder(graph).filter(({ output }) => !(isFolded && output.isFrozen));
  const sizes: Dim[] = [];
  const outputs = new Set(graph.outputs.map(({ tensor }) => valueOf(tensor)));
  const inputsOf = new Map(order.map((node) => [node, node.inputs.map((input) => readAs(node, valueOf(input)))]));
  const uses = new Map<Tensor, number>();
  for (const inputs of inputsOf.values()) for (const input of inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
  const known = new KnownSizes();
  const buffers = new Map<Tensor, Buffer>();
  const idle = new Map<string, Buffer[]>();
  const planned: { take: Buffer | undefined; last: Set<Buffer>; node: GraphNode }[] = [];
  // A transpose that only products read is a flag of these products.
  for (const node of order.filter(({ output }) => uses.has(output) || outputs.has(output))) {
    const { output } = node;
    const inputs = inputsOf.get(node) ?? [];
    known.learn(node, inputs);
    const isOutput = outputs.has(output);
    let taken: Buffer | undefined;
    let buffer: Buffer | undefined;
    if (!isOutput)
      buffer = sharedBuffer(node, inputs, { buffers, known }) ?? idle.get(known.sizeOf(output) ?? '')?.pop();
    if (!buffer) {
      buffer = { id: sizes.push(bytesOf(output)) - 1, uses: 0, isOutput };
      taken = buffer;
    }
    buffers.set(output, buffer);
    buffer.uses += uses.get(output) ?? 0;
    const last = new Set<Buffer>();
    for (const input of inputs) {
      const read = buffers.get(input);
      if (!read) continue;
      last.add(read);
      read.uses -= 1;
      const size = known.sizeOf(input);
      if (read.uses > 0 || read.isOutput || size === undefined) continue;
      const alike = idle.get(size);
      if (alike) alike.push(read);
      else idle.set(size, [read]);
    }
    planned.push({ take: taken, last, node });
  }
  const lastUse = new Map<Buffer, number>();
  for (const [i, { take, last }] of planned.entries())
    for (const buffer of [...(take ? [take] : []), ...last]) lastUse.set(buffer, i);
  const steps = planned.map(({ take, last, node }, i) => ({
    take: take ? [take.id] : [],
    workspaceBytes: workspaceOf(node),
    give: [...last].filter((buffer) => !buffer.isOutput && lastUse.get(buffer) === i).map(({ id }) => id),
  }));
  return { steps, buffers: sizes };
}

/** The input's buffer where an op passes it on, or writes over it and nobody else needs it. */
function sharedBuffer(
  node: GraphNode,
  inputs: readonly Tensor[],
  { buffers, known }: { buffers: ReadonlyMap<Tensor, Buffer>; known: KnownSizes },
): Buffer | undefined {
  const [first] = inputs;
  if (node.op === 'Reshape') return first && buffers.get(first);
  const places = overwrites[node.op] ?? 0;
  const size = known.sizeOf(node.output);
  return inputs
    .slice(0, places)
    .filter((input) => buffers.get(input)?.uses === 1 && size !== undefined && known.sizeOf(input) === size)
    .map((input) => buffers.get(input))
    .find((buffer) => buffer && !buffer.isOutput);
}

/** How many of an op's first inputs its result may take the place of: arithmetic always gets a buffer of its own. */
const overwrites: Partial<Record<OpName, number>> = {
  Sigmoid: 1,
  Tanh: 1,
  Softmax: 1,
  Cast: 1,
  ScatterAddElements: 1,
};

/** Whose memory a node really reads: products swap the last axes themselves, and transposes of transposes are one. */
function readAs(node: GraphNode, input: Tensor): Tensor {
  const { source } = input;
  if (source.kind !== 'node' || source.node.op !== 'Transpose') return input;
  const { perm } = source.node.attributes;
  const from = valueOf(source.node.inputs[0] ?? input);
  if (node.op === 'MatMul' && swapsLast(perm)) return from;
  return node.op === 'Transpose' ? from : input;
}

function swapsLast(perm: readonly number[]): boolean {
  const last = perm.length - 1;
  return perm.every((axis, i) => axis === (i === last ? last - 1 : i === last - 1 ? last : i));
}

/** Four-bit products decode the whole weight for themselves. */
function workspaceOf({ op, attributes }: GraphNode): Dim {
  if (op !== 'MatMulBnb4') return 0;
  const { out, width } = attributes as { out: number; width: number };
  return 4 * out * width;
}

function bytesOf({ dtype, shape }: Tensor): Dim {
  const count = elementCount(shape);
  return dtypeBytes[dtype] < 1 ? 1 : multiplyDims(dtypeBytes[dtype], count);
}

/** Which sizes ONNX Runtime knows as it plans: where a shape comes from the host, it cannot tell equal sizes. */
class KnownSizes {
  readonly #known = new Map<Tensor, readonly boolean[]>();

  /** Two tensors of the same are known to be of one size; undefined where ONNX Runtime does not know it. */
  sizeOf(tensor: Tensor): string | undefined {
    if (!this.#of(tensor).every(Boolean)) return undefined;
    return `${dtypeBytes[tensor.dtype]}: ${tensor.shape.map(dimText).join()}`;
  }

  learn(node: GraphNode, inputs: readonly Tensor[]): void {
    const { output, op } = node;
    this.#known.set(
      output,
      output.shape.map((dim, i) => {
        if (typeof dim === 'number') return true;
        if (op === 'Reshape' && dimText(inputs[0]?.shape[i] ?? 0) !== dimText(dim)) return false;
        if (op === 'Expand' || (op === 'Slice' && node.attributes.axis === i)) return false;
        const places = inputs.flatMap((input) =>
          input.shape.flatMap((other, j) => (sameDim(other, dim) ? [this.#of(input)[j] ?? false] : [])),
        );
        return places.length > 0 && places.every(Boolean);
      }),
    );
  }

  #of(tensor: Tensor): readonly boolean[] {
    return this.#known.get(tensor) ?? tensor.shape.map(() => tensor.source.kind !== 'node');
  }
}
