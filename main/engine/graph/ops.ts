// The op table: one row per operation, with its ONNX name, its attributes and its shape-and-dtype rule.
// Gradients are the business of autodiff/rules.ts; bytes that of onnx.ts.
import { addDims, type Dim, dimText, elementCount, multiplyDims, sameDim, type Shape, shapeText } from './dims.ts';
import type { DType, Tensor } from './tensor.ts';

type None = Record<string, never>;
export type ReduceAttributes = { axes: readonly number[]; keepDims: boolean };

/** What each op can be told besides its inputs. */
export type OpAttributes = {
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  Neg: None;
  Exp: None;
  Log: None;
  Sqrt: None;
  Reciprocal: None;
  Sigmoid: None;
  Tanh: None;
  /** x * sigmoid(alpha * x); SiLU is alpha = 1. */
  QuickGelu: { alpha: number };
  /** x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
  FastGelu: None;
  Cast: { to: DType };
  /** int4 times float32 scales: one scale for each `blockSize` elements of the last axis. */
  DequantizeLinear: { blockSize: number };
  Less: None;
  LessOrEqual: None;
  GreaterOrEqual: None;
  Equal: None;
  And: None;
  Where: None;
  /** Numpy semantics for more than two axes. */
  MatMul: None;
  /** alpha * A' B' (+ C), all two-dimensional. */
  Gemm: { transA: boolean; transB: boolean; alpha: number };
  /**
   * x [rows, in] times the transpose of a weight [out, in] in four bits: uint8 codes and float32 scales of its blocks, as
   * bitsandbytes lays them out; quantType is 0 for FP4 and 1 for NF4. The op has no gradient of its own.
   */
  MatMulBnb4: { out: number; width: number; blockSize: number; quantType: number };
  Softmax: None;
  ReduceSum: ReduceAttributes;
  ReduceMax: ReduceAttributes;
  ReduceMean: ReduceAttributes;
  Transpose: { perm: readonly number[] };
  Reshape: { shape: Shape };
  Expand: { shape: Shape };
  Slice: { axis: number; start: Dim; end: Dim };
  Concat: { axis: number };
  /** Rows of the first axis, by an integer tensor of any shape. */
  Gather: None;
  /** Index of the first largest value of the last axis. */
  ArgMax: None;
  /** Elements of the first input: along `axis` at `indices` (integers), elsewhere at their own place. */
  GatherElements: { axis: number };
  /** `base` with `updates` added along `axis` at `indices` (integers, shape of updates); places may repeat. */
  ScatterAddElements: { axis: number };
  /** x / sqrt(mean(x^2) + epsilon) * weight over the last axis. */
  SimplifiedLayerNormalization: { epsilon: number };
  /**
   * Half-split rotary embedding of x [batch, seq, heads * headDim] by positions [batch, seq] and two tables
   * [positions, width / 2]: of each head the first `width` numbers turn.
   */
  RotaryEmbedding: { heads: number };
  /** The value of the first input, with a gradient of its own: see GraphBuilder.withGradient. Never written. */
  CustomGradient: { vjp: CustomVjp };
};
export type OpName = keyof OpAttributes;

/** Gradients of `inputs.slice(1)` of a CustomGradient node, from the gradient of its output. */
export type CustomVjp = (outputGradient: Tensor) => readonly (Tensor | undefined)[];

export type OnnxAttribute = { int: number } | { float: number } | { ints: readonly number[] } | { string: string };
export type Lowered = {
  attributes?: Record<string, OnnxAttribute>;
  /** Extra int64 inputs (target shapes, slice bounds, axes). Symbolic ones are fed by the host. */
  operands?: readonly (readonly Dim[])[];
};

type Inferred = { dtype: DType; shape: Shape };
export type OpSpec<A> = {
  onnx: string;
  domain?: 'com.microsoft';
  infer(inputs: readonly Tensor[], attributes: A): Inferred;
  lower?(attributes: A, inputs: readonly Tensor[]): Lowered;
};

/** What is wrong with an op's inputs; the builder adds the op and the place. */
export class ShapeError extends Error {}

export const ops: { readonly [K in OpName]: OpSpec<OpAttributes[K]> } = {
  Add: { onnx: 'Add', infer: elementwise },
  Sub: { onnx: 'Sub', infer: elementwise },
  Mul: { onnx: 'Mul', infer: elementwise },
  Div: { onnx: 'Div', infer: elementwise },
  Neg: { onnx: 'Neg', infer: sameAsInput },
  Exp: { onnx: 'Exp', infer: sameAsInput },
  Log: { onnx: 'Log', infer: sameAsInput },
  Sqrt: { onnx: 'Sqrt', infer: sameAsInput },
  Reciprocal: { onnx: 'Reciprocal', infer: sameAsInput },
  Sigmoid: { onnx: 'Sigmoid', infer: sameAsInput },
  Tanh: { onnx: 'Tanh', infer: sameAsInput },
  QuickGelu: {
    onnx: 'QuickGelu',
    domain: 'com.microsoft',
    infer: sameAsInput,
    lower: ({ alpha }) => ({ attributes: { alpha: { float: alpha } } }),
  },
  FastGelu: { onnx: 'FastGelu', domain: 'com.microsoft', infer: sameAsInput },
  Cast: {
    onnx: 'Cast',
    infer: (inputs, { to }) => ({ dtype: to, shape: input(inputs, 0).shape }),
    lower: ({ to }) => ({ attributes: { to: { int: onnxDType[to] } } }),
  },
  DequantizeLinear: {
    onnx: 'DequantizeLinear',
    infer: (inputs, { blockSize }) => {
      const [x, scales] = [input(inputs, 0), input(inputs, 1)];
      const wanted = x.shape.map((dim, i) => (i < x.shape.length - 1 ? dim : Math.ceil(Number(dim) / blockSize)));
      if (x.dtype !== 'int4') throw new ShapeError(`the numbers are ${x.dtype}, not int4`);
      if (shapeText(scales.shape) !== shapeText(wanted))
        throw new ShapeError(`${shapeText(x.shape)} needs scales ${shapeText(wanted)}, not ${shapeText(scales.shape)}`);
      return { dtype: scales.dtype, shape: x.shape };
    },
    lower: ({ blockSize }, inputs) => ({
      attributes: { axis: { int: input(inputs, 0).shape.length - 1 }, block_size: { int: blockSize } },
    }),
  },
  Less: { onnx: 'Less', infer: comparison },
  LessOrEqual: { onnx: 'LessOrEqual', infer: comparison },
  GreaterOrEqual: { onnx: 'GreaterOrEqual', infer: comparison },
  Equal: { onnx: 'Equal', infer: comparison },
  And: { onnx: 'And', infer: elementwise },
  Where: {
    onnx: 'Where',
    infer: (inputs) => {
      const [condition, yes, no] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
      if (condition.dtype !== 'bool') throw new ShapeError(`the condition is ${condition.dtype}, not bool`);
      sameDType(yes, no);
      return { dtype: yes.dtype, shape: broadcast(condition.shape, broadcast(yes.shape, no.shape)) };
    },
  },
  MatMul: { onnx: 'MatMul', infer: (inputs) => matMul(input(inputs, 0), input(inputs, 1)) },
  Gemm: {
    onnx: 'Gemm',
    infer: gemm,
    lower: ({ transA, transB, alpha }) => ({
      attributes: { transA: { int: Number(transA) }, transB: { int: Number(transB) }, alpha: { float: alpha } },
    }),
  },
  MatMulBnb4: {
    onnx: 'MatMulBnb4',
    domain: 'com.microsoft',
    infer: (inputs, { out, width, blockSize }) => {
      const [x, codes, scales] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
      if (x.shape.length !== 2 || at(x.shape, 1) !== width)
        throw new ShapeError(`x ${shapeText(x.shape)} is not [rows, ${width}]`);
      const wanted = [[(out * width) / 2], [(out * width) / blockSize]] as const;
      if (shapeText(codes.shape) !== shapeText(wanted[0]) || shapeText(scales.shape) !== shapeText(wanted[1]))
        throw new ShapeError(
          `codes ${shapeText(codes.shape)} and scales ${shapeText(scales.shape)} are not ${wanted.map(shapeText).join(' and ')}`,
        );
      return { dtype: x.dtype, shape: [at(x.shape, 0), out] };
    },
    lower: ({ out, width, blockSize, quantType }) => ({
      attributes: {
        K: { int: width },
        N: { int: out },
        block_size: { int: blockSize },
        quant_type: { int: quantType },
      },
    }),
  },
  Softmax: { onnx: 'Softmax', infer: sameAsInput, lower: () => ({ attributes: { axis: { int: -1 } } }) },
  ReduceSum: { onnx: 'ReduceSum', infer: reduce, lower: reduceOperands },
  ReduceMax: { onnx: 'ReduceMax', infer: reduce, lower: reduceOperands },
  ReduceMean: { onnx: 'ReduceMean', infer: reduce, lower: reduceOperands },
  Transpose: {
    onnx: 'Transpose',
    infer: (inputs, { perm }) => {
      const { dtype, shape } = input(inputs, 0);
      if ([...perm].sort((a, b) => a - b).join() !== shape.map((_, i) => i).join())
        throw new ShapeError(`[${perm.join(', ')}] is no permutation of the axes of ${shapeText(shape)}`);
      return { dtype, shape: perm.map((axis) => at(shape, axis)) };
    },
    lower: ({ perm }) => ({ attributes: { perm: { ints: perm } } }),
  },
  Reshape: {
    onnx: 'Reshape',
    infer: (inputs, { shape }) => {
      const from = input(inputs, 0);
      if (!sameDim(elementCount(from.shape), elementCount(shape)))
        throw new ShapeError(
          `${shapeText(from.shape)} has ${dimText(elementCount(from.shape))} elements, ` +
            `${shapeText(shape)} has ${dimText(elementCount(shape))}`,
        );
      return { dtype: from.dtype, shape };
    },
    lower: ({ shape }, inputs) => ({ operands: [reshapeOperand(input(inputs, 0).shape, shape)] }),
  },
  Expand: {
    onnx: 'Expand',
    infer: (inputs, { shape }) => {
      const from = input(inputs, 0);
      return { dtype: from.dtype, shape: broadcast(from.shape, shape) };
    },
    lower: ({ shape }) => ({ operands: [shape] }),
  },
  Slice: {
    onnx: 'Slice',
    infer: (inputs, { axis, start, end }) => {
      const { dtype, shape } = input(inputs, 0);
      at(shape, axis);
      const size = addDims(end, multiplyDims(-1, start));
      return { dtype, shape: shape.map((dim, i) => (i === axis ? size : dim)) };
    },
    lower: ({ axis, start, end }) => ({ operands: [[start], [end], [axis]] }),
  },
  Concat: {
    onnx: 'Concat',
    infer: (inputs, { axis }) => {
      const first = input(inputs, 0);
      let size: Dim = 0;
      for (const part of inputs) {
        sameDType(first, part);
        const fits =
          part.shape.length === first.shape.length &&
          part.shape.every((dim, i) => i === axis || sameDim(dim, at(first.shape, i)));
        if (!fits)
          throw new ShapeError(`${shapeText(first.shape)} and ${shapeText(part.shape)} differ off axis ${axis}`);
        size = addDims(size, at(part.shape, axis));
      }
      return { dtype: first.dtype, shape: first.shape.map((dim, i) => (i === axis ? size : dim)) };
    },
    lower: ({ axis }) => ({ attributes: { axis: { int: axis } } }),
  },
  Gather: {
    onnx: 'Gather',
    infer: (inputs) => {
      const [table, indices] = [input(inputs, 0), input(inputs, 1)];
      integers(indices);
      return { dtype: table.dtype, shape: [...indices.shape, ...table.shape.slice(1)] };
    },
    lower: () => ({ attributes: { axis: { int: 0 } } }),
  },
  ArgMax: {
    onnx: 'ArgMax',
    infer: (inputs) => ({ dtype: 'int64', shape: input(inputs, 0).shape.slice(0, -1) }),
    lower: () => ({ attributes: { axis: { int: -1 }, keepdims: { int: 0 } } }),
  },
  GatherElements: {
    onnx: 'GatherElements',
    infer: (inputs, { axis }) => {
      const [x, indices] = [input(inputs, 0), input(inputs, 1)];
      integers(indices);
      if (!alike(x.shape, indices.shape, axis))
        throw new ShapeError(`${shapeText(x.shape)} and indices ${shapeText(indices.shape)} differ off axis ${axis}`);
      return { dtype: x.dtype, shape: indices.shape };
    },
    lower: ({ axis }) => ({ attributes: { axis: { int: axis } } }),
  },
  // ScatterND with reduction "add" loses updates on the CPU when rows repeat, so it is ScatterElements.
  ScatterAddElements: {
    onnx: 'ScatterElements',
    infer: (inputs, { axis }) => {
      const [base, indices, updates] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
      sameDType(base, updates);
      integers(indices);
      if (shapeText(indices.shape) !== shapeText(updates.shape) || !alike(base.shape, updates.shape, axis))
        throw new ShapeError(
          `base ${shapeText(base.shape)}, indices ${shapeText(indices.shape)}, updates ${shapeText(updates.shape)}`,
        );
      return { dtype: base.dtype, shape: base.shape };
    },
    lower: ({ axis }) => ({ attributes: { axis: { int: axis }, reduction: { string: 'add' } } }),
  },
  SimplifiedLayerNormalization: {
    onnx: 'SimplifiedLayerNormalization',
    infer: (inputs) => {
      const [x, weight] = [input(inputs, 0), input(inputs, 1)];
      const width = at(x.shape, x.shape.length - 1);
      if (weight.shape.length !== 1 || !sameDim(at(weight.shape, 0), width))
        throw new ShapeError(
          `x ${shapeText(x.shape)} needs a weight [${dimText(width)}], not ${shapeText(weight.shape)}`,
        );
      return { dtype: x.dtype, shape: x.shape };
    },
    lower: ({ epsilon }) => ({
      attributes: { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } },
    }),
  },
  RotaryEmbedding: {
    onnx: 'RotaryEmbedding',
    domain: 'com.microsoft',
    infer: (inputs, { heads }) => {
      const [x, positions, cos] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
      const [tableWidth, headDim] = [Number(at(cos.shape, 1)), Number(x.shape[2]) / heads];
      if (x.shape.length !== 3 || !Number.isInteger(headDim) || headDim < 2 * tableWidth)
        throw new ShapeError(
          `x ${shapeText(x.shape)} is not [batch, seq, ${heads} heads of at least 2 * ${tableWidth}]`,
        );
      if (!sameDim(at(positions.shape, 1), at(x.shape, 1)))
        throw new ShapeError(`positions ${shapeText(positions.shape)} do not fit x ${shapeText(x.shape)}`);
      return { dtype: x.dtype, shape: x.shape };
    },
    lower: ({ heads }, inputs) => {
      const [x, , cos] = inputs;
      const width = 2 * Number(cos?.shape[1]);
      const isWhole = width * heads === x?.shape[2];
      return { attributes: { num_heads: { int: heads }, rotary_embedding_dim: { int: isWhole ? 0 : width } } };
    },
  },
  CustomGradient: { onnx: '', infer: sameAsInput },
};

/** TensorProto.DataType of the ONNX specification. */
export const onnxDType: Record<DType, number> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  uint32: 12,
  bfloat16: 16,
  int4: 22,
};

/** Numpy broadcasting of two shapes. */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const dimA = a[a.length - rank + i] ?? 1;
    const dimB = b[b.length - rank + i] ?? 1;
    if (sameDim(dimA, dimB) || dimB === 1) return dimA;
    if (dimA === 1) return dimB;
    throw new ShapeError(`${shapeText(a)} and ${shapeText(b)} do not broadcast (${dimText(dimA)} vs ${dimText(dimB)})`);
  });
}

function input(inputs: readonly Tensor[], index: number): Tensor {
  const tensor = inputs[index];
  if (!tensor) throw new ShapeError(`input ${index} is missing`);
  return tensor;
}

function at(shape: Shape, axis: number): Dim {
  const dim = shape[axis];
  if (dim === undefined) throw new ShapeError(`${shapeText(shape)} has no axis ${axis}`);
  return dim;
}

function sameDType(a: Tensor, b: Tensor): void {
  if (a.dtype !== b.dtype) throw new ShapeError(`dtypes differ, ${a.dtype} and ${b.dtype}`);
}

/** Whether two shapes are the same off `axis`. */
function alike(a: Shape, b: Shape, axis: number): boolean {
  return a.length === b.length && a.every((dim, i) => i === axis || sameDim(dim, at(b, i)));
}

function integers(tensor: Tensor): void {
  if (tensor.dtype !== 'int64' && tensor.dtype !== 'int32')
    throw new ShapeError(`indices are ${tensor.dtype}, not int64 or int32`);
}

function sameAsInput(inputs: readonly Tensor[]): Inferred {
  const { dtype, shape } = input(inputs, 0);
  return { dtype, shape };
}

function elementwise(inputs: readonly Tensor[]): Inferred {
  const [a, b] = [input(inputs, 0), input(inputs, 1)];
  sameDType(a, b);
  return { dtype: a.dtype, shape: broadcast(a.shape, b.shape) };
}

function comparison(inputs: readonly Tensor[]): Inferred {
  return { dtype: 'bool', shape: elementwise(inputs).shape };
}

function matMul(a: Tensor, b: Tensor): Inferred {
  sameDType(a, b);
  if (a.shape.length < 2 || b.shape.length < 2)
    throw new ShapeError(`needs two axes or more, ${shapeText(a.shape)} x ${shapeText(b.shape)}`);
  const inner = [at(a.shape, a.shape.length - 1), at(b.shape, b.shape.length - 2)] as const;
  if (!sameDim(inner[0], inner[1]))
    throw new ShapeError(
      `inner sizes differ, ${shapeText(a.shape)} x ${shapeText(b.shape)} (${dimText(inner[0])} vs ${dimText(inner[1])})`,
    );
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return { dtype: a.dtype, shape: [...batch, at(a.shape, a.shape.length - 2), at(b.shape, b.shape.length - 1)] };
}

function gemm(inputs: readonly Tensor[], { transA, transB }: OpAttributes['Gemm']): Inferred {
  const [a, b] = [input(inputs, 0), input(inputs, 1)];
  sameDType(a, b);
  if (a.shape.length !== 2 || b.shape.length !== 2)
    throw new ShapeError(`needs two axes, ${shapeText(a.shape)} x ${shapeText(b.shape)}`);
  const [rows, innerA] = transA ? [at(a.shape, 1), at(a.shape, 0)] : [at(a.shape, 0), at(a.shape, 1)];
  const [innerB, columns] = transB ? [at(b.shape, 1), at(b.shape, 0)] : [at(b.shape, 0), at(b.shape, 1)];
  if (!sameDim(innerA, innerB)) {
    const primes = [transA ? "'" : '', transB ? "'" : ''];
    throw new ShapeError(
      `inner sizes differ, ${shapeText(a.shape)}${primes[0]} x ${shapeText(b.shape)}${primes[1]} ` +
        `(${dimText(innerA)} vs ${dimText(innerB)})`,
    );
  }
  const shape = [rows, columns];
  const c = inputs[2];
  if (c && shapeText(broadcast(c.shape, shape)) !== shapeText(shape))
    throw new ShapeError(`C ${shapeText(c.shape)} does not broadcast to ${shapeText(shape)}`);
  return { dtype: a.dtype, shape };
}

function reduce(inputs: readonly Tensor[], { axes, keepDims }: ReduceAttributes): Inferred {
  const { dtype, shape } = input(inputs, 0);
  for (const axis of axes) at(shape, axis);
  const kept = shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  return { dtype, shape: keepDims ? kept : kept.filter((_, i) => !axes.includes(i)) };
}

function reduceOperands({ axes, keepDims }: ReduceAttributes): Lowered {
  return { attributes: { keepdims: { int: Number(keepDims) } }, operands: [axes] };
}

/** The shape operand with 0 for "as in the input" and one -1, so that most reshapes need nothing from the host. */
function reshapeOperand(from: Shape, to: Shape): readonly Dim[] {
  const copied = to.map((dim, i) => (typeof dim !== 'number' && from[i] && sameDim(from[i], dim) ? 0 : dim));
  const symbolic = copied.filter((dim) => typeof dim !== 'number');
  return symbolic.length === 1 ? copied.map((dim) => (typeof dim === 'number' ? dim : -1)) : copied;
}
