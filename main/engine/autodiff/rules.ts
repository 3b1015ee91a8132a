// The gradient table: one rule per op, which builds the gradient of each input from the gradient `dy` of the
// output. Inputs that were broadcast get a gradient of the broadcast shape; the reverse walk sums it once.
import { addDims, elementCount, multiplyDims, type Shape } from '../graph/dims.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { OpName } from '../graph/ops.ts';
import type { GraphNode, Tensor } from '../graph/tensor.ts';

export type RuleContext<K extends OpName> = {
  g: GraphBuilder;
  node: GraphNode<K>;
  /** The node's inputs and output; what need not be kept from the forward pass is computed anew: see gradients.ts. */
  inputs: readonly Tensor[];
  output: Tensor;
  /** Whether a gradient of input i is wanted. */
  needs: (i: number) => boolean;
};
/** Gradients of the inputs, in order; undefined where none is wanted or none exists. */
export type Rule<K extends OpName> = (context: RuleContext<K>, dy: Tensor) => readonly (Tensor | undefined)[];

export const rules: { readonly [K in OpName]: Rule<K> } = {
  // d(a + b) = da + db
  Add: (_, dy) => [dy, dy],
  // d(a - b) = da - db
  Sub: ({ g, needs }, dy) => [dy, needs(1) ? g.neg(dy) : undefined],
  // d(a b) = b da + a db
  Mul: ({ g, needs, ...c }, dy) => [
    needs(0) ? g.mul(dy, at(c.inputs, 1)) : undefined,
    needs(1) ? g.mul(dy, at(c.inputs, 0)) : undefined,
  ],
  // d(a / b) = da / b - (a / b) db / b
  Div: ({ g, needs, node, ...c }, dy) => [
    needs(0) ? g.div(dy, at(c.inputs, 1)) : undefined,
    needs(1) ? g.neg(g.div(g.mul(dy, node.output), at(c.inputs, 1))) : undefined,
  ],
  Neg: ({ g }, dy) => [g.neg(dy)],
  // y = e^x, dx = y dy
  Exp: ({ g, node }, dy) => [g.mul(dy, node.output)],
  Log: ({ g, inputs }, dy) => [g.div(dy, at(inputs, 0))],
  // y = sqrt x, dx = dy / 2y
  Sqrt: ({ g, node }, dy) => [g.div(g.scale(dy, 0.5), node.output)],
  // y = 1 / x, dx = -y^2 dy
  Reciprocal: ({ g, node }, dy) => [g.neg(g.mul(dy, g.mul(node.output, node.output)))],
  // y = s(x), dx = y (1 - y) dy
  Sigmoid: ({ g, node }, dy) => [g.mul(dy, g.mul(node.output, g.sub(g.scalar(1), node.output)))],
  // y = tanh x, dx = (1 - y^2) dy
  Tanh: ({ g, node }, dy) => [g.mul(dy, g.sub(g.scalar(1), g.mul(node.output, node.output)))],
  // y = x s(ax), dx = (ay + s (1 - ay)) dy with s = s(ax)
  QuickGelu: ({ g, inputs, output, node }, dy) => {
    const { alpha } = node.attributes;
    const s = g.sigmoid(g.scale(at(inputs, 0), alpha));
    const ay = g.scale(output, alpha);
    return [g.mul(dy, g.add(ay, g.mul(s, g.sub(g.scalar(1), ay))))];
  },
  // y = x s(2u) with u = a (x + b x^3): dx = (s + y (1 - s) 2a (1 + 3b x^2)) dy with s = s(2u)
  FastGelu: ({ g, inputs, output }, dy) => {
    const [x, a, b] = [at(inputs, 0), Math.sqrt(2 / Math.PI), 0.044715];
    const square = g.mul(x, x);
    const s = g.sigmoid(g.mul(x, g.add(g.scale(square, 2 * a * b), g.scalar(2 * a))));
    const slope = g.add(g.scale(square, 6 * a * b), g.scalar(2 * a));
    return [g.mul(dy, g.add(s, g.mul(g.mul(output, g.sub(g.scalar(1), s)), slope)))];
  },
  Cast: ({ g, inputs }, dy) => [g.cast(dy, at(inputs, 0).dtype)],
  DequantizeLinear: none,
  Less: none,
  LessOrEqual: none,
  GreaterOrEqual: none,
  Equal: none,
  And: none,
  ArgMax: none,
  Where: ({ g, inputs, needs }, dy) => [
    undefined,
    needs(1) ? g.where(at(inputs, 0), dy, g.scalar(0)) : undefined,
    needs(2) ? g.where(at(inputs, 0), g.scalar(0), dy) : undefined,
  ],
  // Y = A B, dA = dY B', dB = A' dY
  MatMul: ({ g, inputs, needs }, dy) => [
    needs(0) ? g.matMul(dy, swapLast(g, at(inputs, 1))) : undefined,
    needs(1) ? g.matMul(swapLast(g, at(inputs, 0)), dy) : undefined,
  ],
  // Y = alpha A B + C, dA = alpha dY B', dB = alpha A' dY, dC = dY; transposed operands get the transposed gradient
  Gemm: ({ g, inputs, needs, node }, dy) => {
    const { transA, transB, alpha } = node.attributes;
    const [a, b] = [at(inputs, 0), at(inputs, 1)];
    const dA = () =>
      transA ? g.gemm(b, dy, { transA: transB, transB: true, alpha }) : g.gemm(dy, b, { transB: !transB, alpha });
    const dB = () =>
      transB ? g.gemm(dy, a, { transA: true, transB: transA, alpha }) : g.gemm(a, dy, { transA: !transA, alpha });
    return [needs(0) ? dA() : undefined, needs(1) ? dB() : undefined, dy];
  },
  MatMulBnb4: ({ node }) => {
    throw new Error(`${node.scope}: MatMulBnb4 cannot decode its weight for a gradient; wrap it in withGradient`);
  },
  // y = softmax x, dx = y (dy - sum(dy y))
  Softmax: ({ g, node }, dy) => {
    const y = node.output;
    return [g.mul(y, g.sub(dy, g.reduceSum(g.mul(dy, y), [-1])))];
  },
  ReduceSum: ({ g, inputs, node }, dy) => [spread(g, at(inputs, 0), node.attributes.axes, dy)],
  ReduceMean: ({ g, inputs, node }, dy) => {
    const x = at(inputs, 0);
    const wide = spread(g, x, node.attributes.axes, dy);
    // The count may be symbolic, so it is the sum of ones over the reduced axes.
    const ones = g.expand(g.scalar(1), x.shape);
    return [g.div(wide, g.reduceSum(ones, node.attributes.axes))];
  },
  // The gradient goes to the largest elements, shared evenly among equals
  ReduceMax: ({ g, inputs, node }, dy) => {
    const x = at(inputs, 0);
    const { axes } = node.attributes;
    const largest = g.cast(g.op('GreaterOrEqual', [x, spread(g, x, axes, node.output)], {}), x.dtype);
    return [g.mul(spread(g, x, axes, dy), g.div(largest, g.reduceSum(largest, axes)))];
  },
  Transpose: ({ g, node }, dy) => {
    const { perm } = node.attributes;
    return [
      g.transpose(
        dy,
        perm.map((_, axis) => perm.indexOf(axis)),
      ),
    ];
  },
  Reshape: ({ g, inputs }, dy) => [g.reshape(dy, at(inputs, 0).shape)],
  Expand: (_, dy) => [dy],
  Slice: ({ g, inputs, node }, dy) => {
    const { axis, start, end } = node.attributes;
    const x = at(inputs, 0);
    const size = x.shape[axis] ?? 0;
    const zeros = (length: Shape[number]) =>
      g.expand(
        g.cast(g.scalar(0), x.dtype),
        x.shape.map((dim, i) => (i === axis ? length : dim)),
      );
    const behind = addDims(size, multiplyDims(-1, end));
    const parts = [start === 0 ? [] : [zeros(start)], [dy], behind === 0 ? [] : [zeros(behind)]];
    return [g.concat(parts.flat(), axis)];
  },
  Concat: ({ g, inputs, needs, node }, dy) => {
    const { axis } = node.attributes;
    let start: Shape[number] = 0;
    return inputs.map((part, i) => {
      const from = start;
      start = addDims(start, part.shape[axis] ?? 0);
      return needs(i) ? g.slice(dy, axis, from, start) : undefined;
    });
  },
  // Rows may repeat: their gradients add up
  Gather: ({ g, inputs }, dy) => {
    const [table, indices] = [at(inputs, 0), at(inputs, 1)];
    const count = elementCount(indices.shape);
    const updates = g.reshape(dy, [count, ...table.shape.slice(1)]);
    return [g.scatterRows(table.shape, g.reshape(indices, [count]), updates)];
  },
  // Places may be asked for more than once: their gradients add up
  GatherElements: ({ g, inputs, node }, dy) => {
    const zeros = g.expand(g.scalar(0), at(inputs, 0).shape);
    return [g.op('ScatterAddElements', [zeros, at(inputs, 1), dy], node.attributes)];
  },
  ScatterAddElements: ({ g, inputs, needs, node }, dy) => [
    dy,
    undefined,
    needs(2) ? g.op('GatherElements', [dy, at(inputs, 1)], node.attributes) : undefined,
  ],
  // y = r x w with r = (mean(x^2) + e)^-1/2; with u = w dy: dx = r (u - x r^2 mean(u x)), dw = sum(dy r x)
  SimplifiedLayerNormalization: ({ g, inputs, needs, node }, dy) => {
    const [x, weight] = [at(inputs, 0), at(inputs, 1)];
    // The op's second output is the mean on WebGPU, so r is recomputed here.
    const meanSquare = g.reduceMean(g.mul(x, x), [-1]);
    const r = g.reciprocal(g.sqrt(g.add(meanSquare, g.scalar(node.attributes.epsilon))));
    const u = g.mul(dy, weight);
    const inner = g.mul(g.mul(r, r), g.reduceMean(g.mul(u, x), [-1]));
    return [needs(0) ? g.mul(r, g.sub(u, g.mul(x, inner))) : undefined, needs(1) ? g.mul(dy, g.mul(x, r)) : undefined];
  },
  // A rotation's transpose is the rotation by the opposite angle
  RotaryEmbedding: ({ g, inputs, node }, dy) => {
    const [, positions, cos, sin] = inputs;
    if (!positions || !cos || !sin) throw new Error('RotaryEmbedding needs positions, cos and sin');
    return [g.op('RotaryEmbedding', [dy, positions, cos, g.neg(sin)], node.attributes)];
  },
  CustomGradient: ({ node }, dy) => [undefined, ...node.attributes.vjp(dy)],
};

function none(): readonly [] {
  return [];
}

function at(inputs: readonly Tensor[], i: number): Tensor {
  const tensor = inputs[i];
  if (!tensor) throw new Error(`input ${i} is missing`);
  return tensor;
}

function swapLast(g: GraphBuilder, x: Tensor): Tensor {
  const last = x.shape.length - 1;
  return g.transpose(
    x,
    x.shape.map((_, axis) => (axis === last ? last - 1 : axis === last - 1 ? last : axis)),
  );
}

/** A reduced value back at the shape of `x`. */
function spread(g: GraphBuilder, x: Tensor, axes: readonly number[], reduced: Tensor): Tensor {
  return g.expand(
    g.reshape(
      reduced,
      x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim)),
    ),
    x.shape,
  );
}
