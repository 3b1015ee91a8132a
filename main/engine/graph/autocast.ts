// Matrix products in 16 bits, as torch.autocast has them: a finished graph in float32 in, one out whose products read and
// write 16-bit numbers while everything between them stays float32. Sums that must not be rounded are marked as exact
// where they are built (GraphBuilder.exact).
import type { OpName } from './ops.ts';
import { type DType, type Graph, type GraphNode, type Tensor, valueOf } from './tensor.ts';

export type AutocastSettings = {
  format: 'float16' | 'bfloat16';
  /**
   * For processors without such kernels: operands and results are rounded to the format, and the product itself is
   * float32. The same numbers as products in the format that add up in float32.
   */
  emulated?: boolean;
};

export function autocast(graph: Graph, { format, emulated = false }: AutocastSettings): Graph {
  const nodes: GraphNode[] = [];
  const names = new Set<string>(graph.inputs.map(({ name }) => name));
  const made = new Map<Tensor, Tensor>();
  const now = (tensor: Tensor): Tensor => made.get(valueOf(tensor)) ?? valueOf(tensor);
  const uses = onlyInProducts(graph);

  const add = (
    like: GraphNode,
    op: OpName,
    inputs: readonly Tensor[],
    attributes: object,
    dtype: DType,
    name: string,
  ) => {
    const node = { op, inputs, attributes, scope: like.scope, isExact: like.isExact, index: nodes.length };
    const { shape } = op === 'Cast' ? (inputs[0] ?? like.output) : like.output;
    const isFrozen = inputs.some((input) => input.isFrozen) && inputs.every((input) => isConstant(input));
    const output: Tensor = {
      name: unused(name, names),
      dtype,
      shape,
      source: { kind: 'node', node: node as unknown as GraphNode },
      isFrozen,
    };
    nodes.push(Object.assign(node, { output }) as unknown as GraphNode);
    return output;
  };
  const cast = (like: GraphNode, x: Tensor, to: DType): Tensor => add(like, 'Cast', [x], { to }, to, `${x.name}/${to}`);
  const rounded = (like: GraphNode, x: Tensor): Tensor => {
    const stored = storedIn16Bits(x) ?? x;
    if (stored.dtype === format) return emulated ? x : stored;
    const low = cast(like, stored, format);
    return emulated ? cast(like, low, 'float32') : low;
  };

  const operands = new Map<string, Tensor>();
  /** A copy that other uses share with this one, where they do not have to keep it for long. */
  const operand = (like: GraphNode, given: Tensor): Tensor => {
    const x = now(given);
    const isLate = !(uses.get(valueOf(given)) ?? false) && like.scope.startsWith('d ');
    const key = `${x.name} ${isLate}`;
    const known = operands.get(key) ?? rounded(like, x);
    operands.set(key, known);
    return known;
  };

  for (const node of graph.nodes) {
    if (node.op === 'CustomGradient') continue;
    const { output, inputs, attributes, op } = node;
    if (!isLowered(node)) {
      made.set(output, add(node, op, inputs.map(now), attributes, output.dtype, output.name));
      continue;
    }
    const [a, b, c] = inputs;
    if (!a || !b) throw new Error(`${output.name} is a product of less than two`);
    const factors = [operand(node, a), operand(node, b)];
    const product = add(node, op, factors, attributes, emulated ? 'float32' : format, `${output.name}/product`);
    const result = cast(node, emulated ? cast(node, product, format) : product, 'float32');
    // What is added to a product is not rounded with it: it may be the sum of all gradients so far.
    made.set(output, c ? add(node, 'Add', [result, now(c)], {}, 'float32', output.name) : result);
  }
  const outputs = graph.outputs.map(({ name, tensor }) => ({ name, tensor: now(tensor) }));
  return { name: graph.name, inputs: graph.inputs, nodes: needed(nodes, outputs), outputs };
}

function isLowered(node: GraphNode): node is GraphNode<'Gemm' | 'MatMul'> {
  return (node.op === 'Gemm' || node.op === 'MatMul') && !node.isExact && node.output.dtype === 'float32';
}

/** Of each tensor whether nothing but products in 16 bits reads it, so that only the rounded copy need be kept. */
function onlyInProducts(graph: Graph): Map<Tensor, boolean> {
  const only = new Map<Tensor, boolean>();
  for (const node of graph.nodes)
    for (const [i, input] of node.inputs.entries()) {
      const real = valueOf(input);
      only.set(real, (only.get(real) ?? true) && (node.op === 'CustomGradient' || (isLowered(node) && i < 2)));
    }
  for (const { tensor } of graph.outputs) only.set(valueOf(tensor), false);
  return only;
}

/** What was cast to float32 without need: a weight, or the result of another product. */
function storedIn16Bits({ source }: Tensor): Tensor | undefined {
  if (source.kind !== 'node' || source.node.op !== 'Cast') return undefined;
  const [from] = source.node.inputs;
  return from?.dtype === 'float16' || from?.dtype === 'bfloat16' ? from : undefined;
}

function isConstant({ isFrozen, source }: Tensor): boolean {
  return isFrozen || source.kind === 'constant';
}

function unused(wanted: string, names: Set<string>): string {
  let name = wanted;
  for (let i = 2; names.has(name); i++) name = `${wanted}:${i}`;
  names.add(name);
  return name;
}

/** Without the nodes that nothing reads any more. */
function needed(nodes: readonly GraphNode[], outputs: Graph['outputs']): GraphNode[] {
  const found = new Set<GraphNode>();
  const pending = outputs.map(({ tensor }) => tensor);
  for (let tensor = pending.pop(); tensor; tensor = pending.pop()) {
    if (tensor.source.kind !== 'node' || found.has(tensor.source.node)) continue;
    found.add(tensor.source.node);
    pending.push(...tensor.source.node.inputs);
  }
  return nodes.filter((node) => found.has(node));
}
