// Builds graphs node by node, inferring shapes and naming the place of every mistake. It knows how to add an op,
// not what the graph is for.
import { type Shape, shapeText } from './dims.ts';
import { type CustomVjp, type OpAttributes, type OpName, ops, type OpSpec, ShapeError } from './ops.ts';
import type { DType, ExternalData, Graph, GraphNode, Tensor, TensorSource } from './tensor.ts';

export class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly inputs: Tensor[] = [];
  readonly #names = new Set<string>();
  readonly #parameters = new Map<string, Tensor>();
  readonly #weights = new Map<string, Tensor>();
  readonly #scalars = new Map<number, Tensor>();
  readonly #cheap = new WeakSet<Tensor>();
  #scope: readonly string[] = [];
  #isExact = false;

  /** Runs `build` with `name` appended to the place that nodes and errors carry. */
  scope<T>(name: string, build: () => T): T {
    const outer = this.#scope;
    this.#scope = [...outer, name];
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  /** Runs `build`, whose products stay in float32 where others are computed in 16 bits; so do those of their gradients. */
  exact<T>(build: () => T): T {
    const outer = this.#isExact;
    this.#isExact = true;
    try {
      return build();
    } finally {
      this.#isExact = outer;
    }
  }

  /** A value that the host feeds in every run. */
  input(name: string, dtype: DType, shape: Shape): Tensor {
    return this.#leaf(name, dtype, shape, { kind: 'input' });
  }

  /** A frozen tensor that the host feeds; asking again for a name returns the same tensor. */
  fedWeight(name: string, dtype: DType, shape: readonly number[]): Tensor {
    const known = this.#weights.get(name);
    if (known) return known;
    const tensor = this.#leaf(name, dtype, shape, { kind: 'input' }, true);
    this.#weights.set(name, tensor);
    return tensor;
  }

  /** A float32 input that training changes; asking again for a name returns the same tensor. */
  parameter(name: string, shape: readonly number[]): Tensor {
    const known = this.#parameters.get(name);
    if (known) return known;
    const tensor = this.#leaf(name, 'float32', shape, { kind: 'parameter' });
    this.#parameters.set(name, tensor);
    return tensor;
  }

  /** All parameters in the order of their first use. */
  get parameters(): readonly Tensor[] {
    return [...this.#parameters.values()];
  }

  /** A frozen tensor that stays in its file; asking again for a name returns the same tensor. */
  weight(name: string, dtype: DType, shape: readonly number[], data: ExternalData): Tensor {
    const known = this.#weights.get(name);
    if (known) return known;
    const tensor = this.#leaf(name, dtype, shape, { kind: 'weight', data });
    this.#weights.set(name, tensor);
    return tensor;
  }

  constant(name: string, dtype: DType, shape: readonly number[], values: ArrayBufferView): Tensor {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return this.#leaf(this.#unique(name), dtype, shape, { kind: 'constant', bytes });
  }

  /** A float32 constant of shape []. */
  scalar(value: number): Tensor {
    let tensor = this.#scalars.get(value);
    if (!tensor) {
      tensor = this.constant(`scalar:${value}`, 'float32', [], Float32Array.of(value));
      this.#scalars.set(value, tensor);
    }
    return tensor;
  }

  /** Adds one op. Throws with op, place and shapes when the inputs do not fit. */
  op<K extends OpName>(op: K, inputs: readonly Tensor[], attributes: OpAttributes[K]): Tensor {
    const scope = this.#scope.join('.');
    const spec: OpSpec<OpAttributes[K]> = ops[op];
    try {
      const node: { -readonly [P in keyof GraphNode]?: unknown } = {
        op,
        inputs,
        attributes,
        scope,
        isExact: this.#isExact,
        index: this.nodes.length,
      };
      const name = this.#unique(scope ? `${scope}/${op}` : op);
      const output: Tensor = {
        name,
        ...spec.infer(inputs, attributes),
        source: { kind: 'node', node: node as GraphNode },
        isFrozen:
          inputs.some((input) => input.isFrozen) &&
          inputs.every((input) => input.isFrozen || input.source.kind === 'constant'),
      };
      node.output = output;
      this.nodes.push(node as GraphNode);
      return output;
    } catch (error) {
      if (error instanceof ShapeError)
        throw new Error(`${op}: ${error.message}${scope && `, at ${scope}`}`, { cause: error });
      throw error;
    }
  }

  /**
   * `value` with a gradient of its own: the reverse walk calls `vjp` with the gradient of the result and hands
   * what it returns to `inputs`, instead of differentiating the nodes that made `value`.
   */
  withGradient(value: Tensor, inputs: readonly Tensor[], vjp: CustomVjp): Tensor {
    return this.op('CustomGradient', [value, ...inputs], { vjp });
  }

  /** Marks a node's result that takes less to compute again, from what is kept anyway, than memory to keep. */
  cheap(value: Tensor): Tensor {
    this.#cheap.add(value);
    return value;
  }
  isCheap(value: Tensor): boolean {
    return this.#cheap.has(value);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.op('Add', [a, b], {});
  }
  sub(a: Tensor, b: Tensor): Tensor {
    return this.op('Sub', [a, b], {});
  }
  mul(a: Tensor, b: Tensor): Tensor {
    return this.op('Mul', [a, b], {});
  }
  div(a: Tensor, b: Tensor): Tensor {
    return this.op('Div', [a, b], {});
  }
  neg(x: Tensor): Tensor {
    return this.op('Neg', [x], {});
  }
  exp(x: Tensor): Tensor {
    return this.op('Exp', [x], {});
  }
  log(x: Tensor): Tensor {
    return this.op('Log', [x], {});
  }
  sqrt(x: Tensor): Tensor {
    return this.op('Sqrt', [x], {});
  }
  reciprocal(x: Tensor): Tensor {
    return this.op('Reciprocal', [x], {});
  }
  sigmoid(x: Tensor): Tensor {
    return this.op('Sigmoid', [x], {});
  }
  silu(x: Tensor): Tensor {
    return this.op('QuickGelu', [x], { alpha: 1 });
  }
  /** GELU in its form with tanh (Hendrycks and Gimpel 2016, arXiv:1606.08415). */
  geluTanh(x: Tensor): Tensor {
    return this.op('FastGelu', [x], {});
  }
  tanh(x: Tensor): Tensor {
    return this.op('Tanh', [x], {});
  }
  /** `x` times a number. */
  scale(x: Tensor, factor: number): Tensor {
    return factor === 1 ? x : this.mul(x, this.scalar(factor));
  }
  cast(x: Tensor, to: DType): Tensor {
    return x.dtype === to ? x : this.op('Cast', [x], { to });
  }
  matMul(a: Tensor, b: Tensor): Tensor {
    return this.op('MatMul', [a, b], {});
  }
  /** alpha * A' B' (+ c); primes as the flags say. */
  gemm(a: Tensor, b: Tensor, flags: { transA?: boolean; transB?: boolean; alpha?: number; c?: Tensor } = {}): Tensor {
    const { transA = false, transB = false, alpha = 1, c } = flags;
    return this.op('Gemm', c ? [a, b, c] : [a, b], { transA, transB, alpha });
  }
  softmax(x: Tensor): Tensor {
    return this.op('Softmax', [x], {});
  }
  reduceSum(x: Tensor, axes: readonly number[], keepDims = true): Tensor {
    return this.op('ReduceSum', [x], { axes: axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis)), keepDims });
  }
  reduceMean(x: Tensor, axes: readonly number[], keepDims = true): Tensor {
    return this.op('ReduceMean', [x], {
      axes: axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis)),
      keepDims,
    });
  }
  reduceMax(x: Tensor, axes: readonly number[], keepDims = true): Tensor {
    return this.op('ReduceMax', [x], { axes: axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis)), keepDims });
  }
  transpose(x: Tensor, perm: readonly number[]): Tensor {
    return this.op('Transpose', [x], { perm });
  }
  reshape(x: Tensor, shape: Shape): Tensor {
    return shapeText(x.shape) === shapeText(shape) ? x : this.op('Reshape', [x], { shape });
  }
  expand(x: Tensor, shape: Shape): Tensor {
    return shapeText(x.shape) === shapeText(shape) ? x : this.op('Expand', [x], { shape });
  }
  slice(x: Tensor, axis: number, start: Shape[number], end: Shape[number]): Tensor {
    return this.op('Slice', [x], { axis, start, end });
  }
  concat(parts: readonly Tensor[], axis: number): Tensor {
    const [only] = parts;
    return parts.length === 1 && only ? only : this.op('Concat', parts, { axis });
  }
  /** Rows of `table` at integer `indices`. */
  gather(table: Tensor, indices: Tensor): Tensor {
    return this.op('Gather', [table, indices], {});
  }
  /** Zeros of `shape` [n, width] with `updates` [rows, width] added at rows `indices` [rows]. */
  scatterRows(shape: Shape, indices: Tensor, updates: Tensor): Tensor {
    const [rows = 1, ...rest] = updates.shape;
    // As they come: WebGPU reshapes and expands int32, not int64.
    const column = this.reshape(indices, [rows, ...rest.map(() => 1)]);
    const zeros = this.expand(this.scalar(0), shape);
    return this.op('ScatterAddElements', [zeros, this.expand(column, updates.shape), updates], { axis: 0 });
  }
  where(condition: Tensor, yes: Tensor, no: Tensor): Tensor {
    return this.op('Where', [condition, yes, no], {});
  }

  /** The graph of everything that `outputs` need, and of nothing else. */
  finish(name: string, outputs: readonly { name: string; tensor: Tensor }[]): Graph {
    const needed = new Set<GraphNode>();
    const used = new Set<Tensor>();
    const pending = outputs.map(({ tensor }) => tensor);
    for (let tensor = pending.pop(); tensor; tensor = pending.pop()) {
      used.add(tensor);
      if (tensor.source.kind !== 'node' || needed.has(tensor.source.node)) continue;
      const { node } = tensor.source;
      needed.add(node);
      // A CustomGradient stands for its first input; the rest only matters to the reverse walk.
      pending.push(...(node.op === 'CustomGradient' ? node.inputs.slice(0, 1) : node.inputs));
    }
    return {
      name,
      inputs: this.inputs.filter((input) => used.has(input)),
      nodes: this.nodes.filter((node) => needed.has(node)),
      outputs,
    };
  }

  #leaf(
    name: string,
    dtype: DType,
    shape: Shape,
    source: TensorSource,
    isFrozen: boolean = source.kind === 'weight',
  ): Tensor {
    const tensor: Tensor = { name, dtype, shape, source, isFrozen };
    if (source.kind !== 'constant' && this.#unique(name) !== name) throw new Error(`two tensors are named "${name}"`);
    if (source.kind === 'input' || source.kind === 'parameter') this.inputs.push(tensor);
    return tensor;
  }

  #unique(wanted: string): string {
    let name = wanted;
    for (let i = 2; this.#names.has(name); i++) name = `${wanted}:${i}`;
    this.#names.add(name);
    return name;
  }
}
