// The tensor IR: what a graph is made of. No operation is known here (ops.ts) and nothing is built here (builder.ts).
import type { Shape } from './dims.ts';
import type { OpAttributes, OpName } from './ops.ts';

export type DType = 'float32' | 'float16' | 'bfloat16' | 'int64' | 'int32' | 'uint32' | 'uint8' | 'int4' | 'bool';

/** Where a frozen weight lies: a byte range of a file below the session's external-data folder. */
export type ExternalData = { location: string; offset: number; length: number };

/** Where a tensor's values come from. */
export type TensorSource =
  | { kind: 'input' }
  /** An input whose gradient is wanted and that the optimizer changes. */
  | { kind: 'parameter' }
  | { kind: 'weight'; data: ExternalData }
  | { kind: 'constant'; bytes: Uint8Array }
  | { kind: 'node'; node: GraphNode };

export type Tensor = {
  /** Unique in its graph. */
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly source: TensorSource;
  /** It follows from weights and constants alone. */
  readonly isFrozen: boolean;
};

/** One operation. Every op has one output: what has several in ONNX is written as several nodes. */
export type GraphNode<K extends OpName = OpName> = {
  [Op in K]: {
    readonly op: Op;
    readonly inputs: readonly Tensor[];
    readonly attributes: OpAttributes[Op];
    /** Where in the model it stands: "layers.3.self_attn.q_proj". */
    readonly scope: string;
    /** A product that is not to be rounded: see autocast.ts. */
    readonly isExact: boolean;
    /** Position in building order, which is a topological order. */
    readonly index: number;
    readonly output: Tensor;
  };
}[K];

/** A finished graph: nodes in topological order. */
export type Graph = {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly { name: string; tensor: Tensor }[];
};

/** The tensor whose value, and memory, this one is: a CustomGradient stands for its first input. */
export function valueOf(tensor: Tensor): Tensor {
  let real = tensor;
  while (real.source.kind === 'node' && real.source.node.op === 'CustomGradient') {
    const [value] = real.source.node.inputs;
    if (!value) throw new Error(`CustomGradient without a value at ${real.name}`);
    real = value;
  }
  return real;
}
